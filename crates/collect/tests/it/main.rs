//! Collectors against replayed answers: one module a service.

mod support;

mod account;
mod apigateway;
mod apigatewayv2;
mod ec2;
mod ecr;
mod guard;
mod iam;
mod kms;
mod lambda;
mod organizations;
mod s3;
mod s3control;
mod wafv2;
