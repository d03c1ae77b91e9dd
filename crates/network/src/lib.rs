//! What network configuration means: which ports a group opens to the internet, which subnets have
//! a way out, what a network ACL lets through.
//!
//! Pure functions over small structs. An answer that rests on something that is not known, such as
//! the content of a prefix list, is undecided and says why.
//!
//! A group alone is potential, not exposure: exposed is what also has a public address, a route to an
//! internet gateway and a network ACL that lets packets through both ways.

mod acl;
mod answer;
mod route;
mod world;

pub use acl::{AclEntry, AclQuestion, Direction, EPHEMERAL, acl_allows, acl_allows_conversation};
pub use answer::{Answer, Found};
pub use route::{Route, SubnetKind, Target, route_table_reaches_internet, subnet_kind};
pub use world::{
    PrefixList, Rule, cidr_is_world, opens_to_world, opens_to_world_over, world_open_ports,
};
