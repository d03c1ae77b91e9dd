//! Collectors against replayed answers: one module a service.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

mod support;

mod account;
mod apigateway;
mod apigatewayv2;
mod ec2;
mod ecr;
mod gentle;
mod guard;
mod iam;
mod kms;
mod lambda;
mod organizations;
mod s3;
mod s3control;
mod wafv2;
