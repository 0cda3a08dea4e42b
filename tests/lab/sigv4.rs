//! Signature Version 4 as its specification reads, not as the SDK computes it. Pure: request and secret in, signature out.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const IN_PATH: &AsciiSet = &UNRESERVED.remove(b'/').remove(b'%');

/// The fields of an `Authorization` header.
#[derive(Clone, Debug, Default)]
pub struct Authorization {
    pub key_id: String,
    pub date: String,
    pub region: String,
    pub service: String,
    pub signed_headers: Vec<String>,
    pub signature: String,
}

impl Authorization {
    /// None when the header is absent or not of this scheme.
    pub fn parse(header: &str) -> Option<Self> {
        let fields: BTreeMap<&str, &str> =
            header.strip_prefix("AWS4-HMAC-SHA256")?.split(',').filter_map(|part| part.trim().split_once('=')).collect();
        let scope: Vec<&str> = fields.get("Credential")?.split('/').collect();
        let [key_id, date, region, service, "aws4_request"] = scope[..] else { return None };
        Some(Self {
            key_id: key_id.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            signed_headers: fields.get("SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: (*fields.get("Signature")?).to_owned(),
        })
    }
}

/// A request as received; header names in lower case.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header, empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// The signature that the request should carry.
pub fn signature(secret: &str, auth: &Authorization, request: &Request) -> String {
    let headers: String = auth
        .signed_headers
        .iter()
        .map(|n| format!("{n}:{}\n", request.header(n).split_whitespace().collect::<Vec<_>>().join(" ")))
        .collect();
    let canonical = format!(
        "{}\n{}\n{}\n{headers}\n{}\n{}",
        request.method,
        utf8_percent_encode(&request.path, IN_PATH),
        canonical_query(&request.query),
        auth.signed_headers.join(";"),
        hex(&Sha256::digest(&request.body)),
    );
    let scope = format!("{}/{}/{}/aws4_request", auth.date, auth.region, auth.service);
    let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", request.header("x-amz-date"), hex(&Sha256::digest(canonical.as_bytes())));
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [auth.date.as_str(), &auth.region, &auth.service, "aws4_request"] {
        key = mac(&key, part.as_bytes());
    }
    hex(&mac(&key, text.as_bytes()))
}

/// `a=1&b=2` as name and value pairs, decoded; `+` is a space.
pub fn pairs(query: &str) -> Vec<(String, String)> {
    let decode = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    query.split('&').filter(|p| !p.is_empty()).map(|p| p.split_once('=').unwrap_or((p, ""))).map(|(n, v)| (decode(n), decode(v))).collect()
}

fn canonical_query(query: &str) -> String {
    let encode = |part: &str| utf8_percent_encode(part, UNRESERVED).to_string();
    let mut parts: Vec<String> = pairs(query).iter().map(|(n, v)| format!("{}={}", encode(n), encode(v))).collect();
    parts.sort();
    parts.join("&")
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("any key length is good");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
