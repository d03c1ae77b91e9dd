//! AWS Account Management: whom AWS writes to. Regions are read by the core.

use aws_sdk_account::Client;
use aws_sdk_account::types::AlternateContactType;
use posture_model::account::{Account, AlternateContact};

use crate::prelude::*;

operations! { "account":
    GET_ALTERNATE_CONTACT = "GetAlternateContact" => "account:GetAlternateContact",
}

pub(crate) const SERVICE: Service = Service {
    name: "account",
    placement: Placement::Global,
    regional_types: &[],
    global_types: &[Account::TYPE],
    operations: OPERATIONS,
    run: |cx| Box::pin(run(cx)),
};

async fn run(cx: Cx) {
    let client = client!(cx, aws_sdk_account);
    let (security_contact, operations_contact, billing_contact) = tokio::join!(
        contact(&cx, &client, AlternateContactType::Security),
        contact(&cx, &client, AlternateContactType::Operations),
        contact(&cx, &client, AlternateContactType::Billing),
    );
    let id = cx.account().as_str().to_owned();
    let identity = Identity {
        arn: format!("arn:{}:account::{id}:account", cx.partition().as_str()),
        name: id.clone(),
        id,
        tags: Collected::Absent,
        created: None,
    };
    let properties = Account {
        security_contact,
        operations_contact,
        billing_contact,
    };
    cx.publish(None, [Ok(cx.resource(identity, properties))]);
}

async fn contact(
    cx: &Cx,
    client: &Client,
    kind: AlternateContactType,
) -> Collected<AlternateContact> {
    cx.get(
        &GET_ALTERNATE_CONTACT,
        &["ResourceNotFoundException"],
        || {
            client
                .get_alternate_contact()
                .alternate_contact_type(kind.clone())
                .send()
        },
    )
    .await
    .and_then(|output| match output.alternate_contact {
        None => Collected::Unavailable(cx.malformed(&GET_ALTERNATE_CONTACT)),
        // Personal data stops here.
        Some(contact) => Collected::Known(AlternateContact {
            email_domain: contact
                .email_address
                .as_deref()
                .and_then(|address| address.rsplit_once('@'))
                .map(|(_, domain)| domain.to_ascii_lowercase()),
            has_phone_number: contact
                .phone_number
                .is_some_and(|number| !number.is_empty()),
        }),
    })
}
