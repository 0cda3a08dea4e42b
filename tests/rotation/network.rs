//! The way to AWS is closed, intercepted or not to be trusted: told as such, before anything is changed.

use crate::bench::{ROTATE, refused, rotated, start};
use crate::home::{Home, Output, Run};
use crate::lab::front::{Manner, Proxy, serve_tls};
use crate::lab::parallel::each;

fn through(home: &Home, env: &[(&'static str, String)]) -> Output {
    let mut run = Run::new(ROTATE);
    run.env.extend(env.iter().cloned());
    home.run_with(&run)
}

#[test]
fn a_closed_port_is_told_as_no_way_to_aws() {
    let home = start();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let output = through(&home, &[("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))]);
    refused(&home, &output, 1);
    assert!(output.stderr.contains("reached"), "{}", output.stderr);
}

/// Loopback is never asked through a proxy, so that the endpoint has another name; the time scale is not for such a one.
fn through_proxy(home: &Home, proxy: &Proxy) -> Output {
    let ca = home.scratch("ca.pem");
    let url = serve_tls(&home.lab, &ca).replace("localhost", "aws.test");
    let mut run = Run::new(ROTATE);
    run.prefix = ["env", "-u", "KEYROTATE_TIME_SCALE"].map(str::to_owned).to_vec();
    run.env.extend([("AWS_ENDPOINT_URL", url), ("HTTPS_PROXY", proxy.url().to_owned()), ("AWS_CA_BUNDLE", ca.display().to_string())]);
    home.run_with(&run)
}

#[test]
fn a_proxy_that_refuses_is_named() {
    each(&[Manner::Refuse(407), Manner::Refuse(403), Manner::AcceptAndClose], |manner| {
        let (home, proxy) = (start(), Proxy::start());
        proxy.set(*manner);
        let output = through_proxy(&home, &proxy);
        assert!(proxy.seen() > 0, "the proxy was not used: {}", output.stderr);
        refused(&home, &output, 1);
        assert!(home.lab.calls().is_empty());
        assert!(output.stderr.contains("proxy"), "{}", output.stderr);
    });
}

#[test]
fn a_proxy_and_a_ca_bundle_hold_at_once() {
    let (home, proxy) = (start(), Proxy::start());
    let output = through_proxy(&home, &proxy);
    assert!(proxy.seen() > 0, "the proxy was not used: {}", output.stderr);
    rotated(&home, &output);
}

#[test]
fn an_unknown_authority_is_told_as_such_and_nothing_is_asked() {
    let home = start();
    let url = serve_tls(&home.lab, &home.scratch("ca.pem"));
    let output = through(&home, &[("AWS_ENDPOINT_URL", url)]);
    refused(&home, &output, 1);
    assert!(home.lab.calls().is_empty());
    assert!(output.stderr.contains("certificate"), "{}", output.stderr);
}

#[test]
fn a_broken_or_missing_ca_bundle_is_named() {
    each(&["broken", "empty", "missing"], |kind| {
        let home = start();
        let bundle = home.scratch("bundle.pem");
        match *kind {
            "broken" => std::fs::write(&bundle, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap(),
            "empty" => std::fs::write(&bundle, "").unwrap(),
            _ => {}
        }
        let url = serve_tls(&home.lab, &home.scratch("ca.pem"));
        let output = through(&home, &[("AWS_ENDPOINT_URL", url), ("AWS_CA_BUNDLE", bundle.display().to_string())]);
        refused(&home, &output, 1);
        assert!(output.stderr.contains("bundle.pem"), "{}", output.stderr);
    });
}

#[test]
fn plain_http_to_another_host_is_refused() {
    let home = start();
    let mut run = Run::new(ROTATE);
    run.prefix = ["env", "-u", "KEYROTATE_TIME_SCALE", "AWS_ENDPOINT_URL=http://keyrotate.invalid"].map(str::to_owned).to_vec();
    let output = home.run_with(&run);
    let code = output.code.expect("an exit code");
    assert!(code == 1 || code == 2, "{}", output.stderr);
    refused(&home, &output, code);
}
