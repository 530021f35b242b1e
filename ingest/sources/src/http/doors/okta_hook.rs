//! `/okta/events`: Okta's event hooks. Okta asks once whether the hook is meant (`GET`), and then posts
//! events, waiting three seconds for an answer and coming again once, and only after a 5xx.
//! <https://developer.okta.com/docs/concepts/event-hooks/>

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use axum::routing::get;
use serde_json::json;

use super::push_all;
use crate::http::answer::{Refusal, json_response};
use crate::http::intake::Intake;
use crate::http::sorter::{Hint, Sorter};

const CHALLENGE: &str = "x-okta-verification-challenge";

/// What Okta's events are, if that source is known.
const SOURCE: &str = "okta.system";

pub(super) fn routes() -> Router<Intake> {
    Router::new().route("/okta/events", get(verify).post(events))
}

/// Gives the challenge back. It needs no token: nothing comes in.
async fn verify(headers: HeaderMap) -> Response<Body> {
    let Some(challenge) = headers.get(CHALLENGE).map(HeaderValue::to_str) else {
        return Refusal::Undecodable(format!("expected the header {CHALLENGE}")).into_response();
    };
    json_response(
        StatusCode::OK,
        &json!({ "verification": challenge.unwrap_or_default() }),
    )
}

async fn events(State(intake): State<Intake>, request: Request<Body>) -> Response<Body> {
    match intake.take_in(request.into(), None, read).await {
        Ok(taken) => json_response(StatusCode::OK, &json!({ "accepted": taken.accepted })),
        Err(refusal) => {
            let status = refusal.status_or_503();
            refusal.told_in(json_response(status, &json!({ "error": refusal.text() })))
        }
    }
}

fn read(body: &[u8], sorter: &mut Sorter) -> Result<(), Refusal> {
    let hint = Hint {
        inside: Some(SOURCE),
        declared: None,
    };
    push_all(sorter, hint, body)
}
