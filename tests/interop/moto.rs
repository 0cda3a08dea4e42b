//! moto behind the real binary. Invariant: its server is on loopback and ends with the test: it waits for the end of its standard input.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};

use serde_json::{Value, json};

use crate::client::Client;
use crate::files::ROTATE;
use crate::home::{Home, Output, Run};
use crate::lab::Settings;
use crate::lab::canary::MARK;
use crate::peers::{Peer, command, python, script};

/// A pair that moto made.
pub type Pair = (String, String);

/// One server, with the user `dev` and one key of theirs.
pub struct Moto {
    child: Child,
    stdin: Option<ChildStdin>,
    pub url: String,
    pub dev: Pair,
    /// The pair of the user `other`.
    pub other: Pair,
}

impl Moto {
    pub fn start() -> Self {
        let mut command = command(Path::new("/"), "", &python(), &[&script(), "moto"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("python");
        let stdin = child.stdin.take();
        let mut port = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut port).expect("a line");
        if port.trim().parse::<u16>().is_err() {
            let mut said = String::new();
            let _ = child.stderr.take().expect("a pipe").read_to_string(&mut said);
            panic!("moto did not start: {port}{said}");
        }
        // Nobody reads what else it says.
        std::thread::spawn({
            let stderr = child.stderr.take();
            move || stderr.map(|mut stream| std::io::copy(&mut stream, &mut std::io::sink()))
        });
        let nobody = (String::new(), String::new());
        let mut moto = Self { child, stdin, url: format!("http://127.0.0.1:{}", port.trim()), dev: nobody.clone(), other: nobody };
        // moto checks no signature: any pair may make the first user.
        let mut admin = Client::new(&moto.url);
        let anybody = ("AKIAIOSFODNN7EXAMPLE".to_owned(), "any".to_owned());
        let mut make = |user: &str| {
            let made = admin.call(&anybody, "iam", "CreateUser", &json!({ "UserName": user }));
            assert_eq!(made["status"], 200, "{made}");
            let made = admin.call(&anybody, "iam", "CreateAccessKey", &json!({ "UserName": user }));
            let word = |name: &str| made["result"]["AccessKey"][name].as_str().expect("a pair").to_owned();
            (word("AccessKeyId"), word("SecretAccessKey"))
        };
        (moto.dev, moto.other) = (make("dev"), make("other"));
        let device = admin.call(&anybody, "iam", "CreateVirtualMFADevice", &json!({ "VirtualMFADeviceName": "dev" }));
        let serial = device["result"]["VirtualMFADevice"]["SerialNumber"].as_str().expect("a serial number");
        let codes = json!({ "UserName": "dev", "SerialNumber": serial, "AuthenticationCode1": "012345", "AuthenticationCode2": "123456" });
        let enabled = admin.call(&anybody, "iam", "EnableMFADevice", &codes);
        assert_eq!(enabled["status"], 200, "{enabled}");
        moto
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

const FILE: &str = "# by hand\n[default]\naws_access_key_id = {id}\naws_secret_access_key={secret}\n\n[other]\nregion = eu-west-1\n";

pub fn file(pair: &Pair) -> String {
    FILE.replace("{id}", &pair.0).replace("{secret}", &pair.1)
}

#[test]
fn status_and_rotate_work_against_moto() {
    let moto = Moto::start();
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), false);
    home.write(".aws/credentials", &file(&moto.dev));
    let run = |args: &[&str]| -> Output {
        let mut run = Run::new(args);
        run.env = vec![("AWS_ENDPOINT_URL", moto.url.clone()), ("KEYROTATE_TIME_SCALE", "0.01".to_owned())];
        home.run_with(&run)
    };

    let before = run(&["status", "--json"]);
    assert_eq!(before.code, Some(0), "{}{}", before.stdout, before.stderr);
    let shown: Value = serde_json::from_str(&before.stdout).expect("JSON");
    assert_eq!(shown["keys"][0]["access_key_id"], moto.dev.0, "{shown}");

    let output = run(ROTATE);
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);

    let mut client = Client::new(&moto.url);
    let listed = client.call(&moto.dev, "iam", "ListAccessKeys", &json!({ "UserName": "dev" }));
    let keys = listed["result"]["AccessKeyMetadata"].as_array().expect("keys");
    let [key] = keys.as_slice() else { panic!("not one key: {listed}") };
    assert_eq!(key["Status"], "Active");
    let id = key["AccessKeyId"].as_str().expect("an ID").to_owned();
    assert_ne!(id, moto.dev.0);

    let text = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    let secret = text.lines().find_map(|line| line.strip_prefix("aws_secret_access_key=")).expect("a secret").to_owned();
    assert_eq!(text, file(&(id.clone(), secret.clone())), "more than the pair was changed");
    assert_ne!(secret, moto.dev.1);
    let after = run(&["status", "--json"]);
    assert_eq!(after.code, Some(0), "{}{}", after.stdout, after.stderr);
    assert!(secret.contains(MARK) && moto.dev.1.contains(MARK), "moto's secrets have no mark");
    // moto has an account of its own.
    let report = Peer::Boto3.report(&home.path(), &moto.url, "default");
    assert_eq!((report.key, report.arn), (id, "arn:aws:iam::123456789012:user/dev".to_owned()));
}
