//! `GET /healthz`: whether records are taken.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use axum::routing::get;
use serde_json::json;

use crate::http::answer::json_response;
use crate::http::intake::Intake;

pub(super) fn routes() -> Router<Intake> {
    Router::new().route("/healthz", get(health))
}

async fn health(State(intake): State<Intake>) -> Response<Body> {
    let door = &intake.door;
    if door.shutdown.is_cancelled() {
        return json_response(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "ending" }));
    }
    match door.spool.failure() {
        Some(reason) => json_response(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({ "status": "failed", "reason": reason }),
        ),
        None => json_response(StatusCode::OK, &json!({ "status": "ok" })),
    }
}

/// Whether records are taken, for protocols that ask in their own way.
pub(super) fn is_healthy(intake: &Intake) -> bool {
    !intake.door.shutdown.is_cancelled() && intake.door.spool.failure().is_none()
}
