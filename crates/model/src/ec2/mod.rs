//! Amazon EC2: instances, networks, volumes.
//!
//! Facts that a listing carries for every resource are plain fields. Those that decide a verdict are
//! `Collected` even so: an answer that leaves one out is a gap, not a `false`.

mod gateway;
mod instance;
mod network;
mod region;
mod security_group;
mod storage;

pub use gateway::{
    EgressOnlyInternetGateway, InternetGateway, NatGateway, PeeringSide, TransitGateway,
    TransitGatewayAttachment, TransitGatewayOptions, VpcEndpoint, VpcPeeringConnection,
};
pub use instance::{
    Instance, LaunchTemplate, LaunchTemplateInterface, LaunchTemplateVersion, MetadataOptions,
};
pub use network::{
    Address, FlowLog, InterfaceAttachment, NetworkAcl, NetworkAclEntry, NetworkInterface, Route,
    RouteTable, Subnet, Vpc,
};
pub use region::{MetadataDefaults, RegionSettings};
pub use security_group::{ManagedPrefixList, Rule, SecurityGroup};
pub use storage::{Image, ImageDevice, LaunchPermission, Snapshot, SnapshotPermission, Volume};

use crate::TypeInfo;

/// The types of this service.
pub(crate) const TYPES: &[TypeInfo] = &[
    TypeInfo::of::<Instance>(),
    TypeInfo::of::<LaunchTemplate>(),
    TypeInfo::of::<SecurityGroup>(),
    TypeInfo::of::<ManagedPrefixList>(),
    TypeInfo::of::<NetworkInterface>(),
    TypeInfo::of::<Vpc>(),
    TypeInfo::of::<Subnet>(),
    TypeInfo::of::<RouteTable>(),
    TypeInfo::of::<NetworkAcl>(),
    TypeInfo::of::<InternetGateway>(),
    TypeInfo::of::<EgressOnlyInternetGateway>(),
    TypeInfo::of::<NatGateway>(),
    TypeInfo::of::<VpcEndpoint>(),
    TypeInfo::of::<VpcPeeringConnection>(),
    TypeInfo::of::<TransitGateway>(),
    TypeInfo::of::<TransitGatewayAttachment>(),
    TypeInfo::of::<FlowLog>(),
    TypeInfo::of::<Address>(),
    TypeInfo::of::<Volume>(),
    TypeInfo::of::<Snapshot>(),
    TypeInfo::of::<Image>(),
    TypeInfo::of::<RegionSettings>(),
];
