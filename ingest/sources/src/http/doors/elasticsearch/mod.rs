//! Elasticsearch's `_bulk`, and the calls with which shippers begin.
//!
//! What each shipper asks before it sends is answered as far as it needs to go on; nothing of it is kept.
//! Every answer has the header without which Elastic's own clients refuse to talk.

mod bulk;
mod version;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use axum::middleware::map_response;
use axum::routing::{any, get, post};
use serde_json::json;

use crate::http::answer::{Refusal, json_response, typed_response};
use crate::http::call::Call;
use crate::http::intake::Intake;

const PRODUCT: HeaderName = HeaderName::from_static("x-elastic-product");

/// When the licence ends that is shown to those who ask: in the year 2096.
const LICENCE_END_MS: u64 = 4_000_000_000_000;

/// What shippers set up, look up or ask at their start.
const SET_UP: [&str; 13] = [
    "/_ilm/{*rest}",
    "/_index_template/{*rest}",
    "/_template/{*rest}",
    "/_component_template/{*rest}",
    "/_data_stream/{*rest}",
    "/_alias/{*rest}",
    "/_ingest/{*rest}",
    "/_nodes",
    "/_nodes/{*rest}",
    "/_cat/{*rest}",
    "/_cluster/{*rest}",
    "/_logstash/{*rest}",
    "/_security/{*rest}",
];

pub(super) fn routes() -> Router<Intake> {
    let mut routes = Router::new()
        .route("/", get(banner))
        .route("/_license", get(licence))
        .route("/_xpack", get(licence))
        .route("/_bulk", post(bulk).put(bulk))
        .route("/{index}/_bulk", post(bulk_of_index).put(bulk_of_index))
        // Up to version 5.0, Fluent Bit ends the path with a slash if it names a pipeline.
        .route("/_bulk/", post(bulk))
        .route("/{index}/_bulk/", post(bulk_of_index));
    for path in SET_UP {
        routes = routes.route(path, any(set_up));
    }
    routes.layer(map_response(with_product))
}

async fn with_product(mut response: Response<Body>) -> Response<Body> {
    response
        .headers_mut()
        .insert(PRODUCT, HeaderValue::from_static("Elasticsearch"));
    response
}

/// Who we are. A Beat goes on only if we are no older than itself, so it is told its own version.
async fn banner(State(intake): State<Intake>, request: Request<Body>) -> Response<Body> {
    let call = Call::from(request);
    let version = version::to_tell(call.user_agent());
    let answer = json!({
        "name": "sekisho",
        "cluster_name": "sekisho",
        "cluster_uuid": "_na_",
        "version": {
            "number": version,
            "build_flavor": "default",
            "lucene_version": "9.0.0",
            "minimum_wire_compatibility_version": "7.17.0",
        },
        "tagline": "You Know, for Search",
    });
    if_admitted(&intake, &call, || json_response(StatusCode::OK, &answer))
}

async fn licence(State(intake): State<Intake>, request: Request<Body>) -> Response<Body> {
    let licence = json!({ "license": {
        "uid": "sekisho",
        "type": "basic",
        "status": "active",
        "expiry_date_in_millis": LICENCE_END_MS,
    }});
    if_admitted(&intake, &request.into(), || json_response(StatusCode::OK, &licence))
}

async fn set_up(State(intake): State<Intake>, request: Request<Body>) -> Response<Body> {
    let asks = matches!(*request.method(), Method::GET | Method::HEAD);
    let answer = if asks {
        json!({})
    } else {
        json!({ "acknowledged": true })
    };
    if_admitted(&intake, &request.into(), || json_response(StatusCode::OK, &answer))
}

/// A shipper with a wrong token learns it at its start.
fn if_admitted(intake: &Intake, call: &Call, answer: impl FnOnce() -> Response<Body>) -> Response<Body> {
    match intake.admit(call, None) {
        Ok(_) => answer(),
        Err(refusal) => refuse(&refusal),
    }
}

async fn bulk(State(intake): State<Intake>, request: Request<Body>) -> Response<Body> {
    take(&intake, request.into(), None).await
}

async fn bulk_of_index(
    State(intake): State<Intake>,
    Path(index): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    take(&intake, request.into(), Some(index)).await
}

async fn take(intake: &Intake, call: Call, index: Option<String>) -> Response<Body> {
    let read = move |body: &[u8], sorter: &mut _| bulk::read(body, sorter, index.as_deref());
    match intake.take_in(call, None, read).await {
        Ok(taken) => typed_response(StatusCode::OK, "application/json", taken.told.into_answer()),
        Err(refusal) => refuse(&refusal),
    }
}

fn refuse(refusal: &Refusal) -> Response<Body> {
    let kind = match refusal {
        Refusal::NoToken | Refusal::UnknownToken | Refusal::Forbidden => "security_exception",
        Refusal::UnknownSource(_) | Refusal::NotText(_) | Refusal::Undecodable(_) => "illegal_argument_exception",
        Refusal::TooLarge(_) => "content_too_long_exception",
        Refusal::TooSlow | Refusal::Busy | Refusal::Full => "es_rejected_execution_exception",
        Refusal::Unavailable(_) => "unavailable_shards_exception",
    };
    // Every client comes again after a 429; not every one does after a 408.
    let status = match refusal {
        Refusal::TooSlow => StatusCode::TOO_MANY_REQUESTS,
        refusal => refusal.status(),
    };
    let error = json!({
        "error": { "type": kind, "reason": refusal.text() },
        "status": status.as_u16(),
    });
    refusal.told_in(json_response(status, &error))
}
