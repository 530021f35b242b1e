//! `POST /firehose`: Amazon Data Firehose. Each record is base64, of text or of gzip; whatever is not
//! answered with 200 comes again, with the same request id.
//! <https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html>

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::push_all;
use crate::http::BODY_BYTES_MAX;
use crate::http::answer::{Refusal, json_response};
use crate::http::call::Call;
use crate::http::decompress;
use crate::http::intake::Intake;
use crate::http::json;
use crate::http::sorter::{Hint, Sorter};

pub(super) fn routes() -> Router<Intake> {
    Router::new().route("/firehose", post(deliver))
}

async fn deliver(State(intake): State<Intake>, request: Request<Body>) -> Response<Body> {
    let call = Call::from(request);
    let request_id = call.firehose_request_id().to_owned();
    let timestamp = intake.door.clock.now().0 / 1_000;
    match intake.take_in(call, None, read).await {
        Ok(_) => json_response(
            StatusCode::OK,
            &json!({ "requestId": request_id, "timestamp": timestamp }),
        ),
        Err(refusal) => refusal.told_in(json_response(
            refusal.status(),
            &json!({ "requestId": request_id, "timestamp": timestamp, "errorMessage": refusal.text() }),
        )),
    }
}

fn read(body: &[u8], sorter: &mut Sorter) -> Result<(), Refusal> {
    let body = json::object(body)?;
    if json::get(body, "records").is_none() {
        return Err(Refusal::Undecodable("expected an object with records".to_owned()));
    }
    let mut unpacked = 0_usize;
    for record in json::array(body, "records")? {
        let data = json::get_text(record, "data").and_then(|data| STANDARD.decode(data.as_bytes()).ok());
        let Some(data) = data else {
            sorter.push(Hint::NONE, record)?;
            continue;
        };
        let data = unpack(data)?;
        unpacked = unpacked.saturating_add(data.len());
        if BODY_BYTES_MAX < unpacked {
            return Err(Refusal::TooLarge(format!(
                "the records are more than {BODY_BYTES_MAX} bytes when unpacked"
            )));
        }
        push_all(sorter, Hint::NONE, &data)?;
    }
    Ok(())
}

/// What only looks packed is a record as it is.
fn unpack(data: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    let Some(packing) = decompress::sniff(&data) else {
        return Ok(data);
    };
    match decompress::unpack(packing, &data) {
        Ok(unpacked) => Ok(unpacked),
        Err(too_large @ Refusal::TooLarge(_)) => Err(too_large),
        Err(_) => Ok(data),
    }
}
