//! botocore as the one that asks: calls as lines of JSON to `ask.py`. Invariant: one call is one request; nothing is retried.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::moto::Pair;
use crate::peers::{command, python, script};

/// botocore, which sends what it is told and holds every answer against AWS's own service model.
pub struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Client {
    pub fn new(url: &str) -> Self {
        let mut command = command(Path::new("/"), "", &python(), &[&script(), "call", url]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python");
        let (stdin, stdout) = (child.stdin.take(), BufReader::new(child.stdout.take().expect("a pipe")));
        Self { child, stdin, stdout }
    }

    /// `status`, `code`, `result`, and under `wrong` what the service model misses.
    pub fn call(&mut self, pair: &Pair, service: &str, action: &str, parameters: &Value) -> Value {
        self.call_by(pair, None, service, action, parameters)
    }

    /// As [`Client::call`]; with a token, the pair is a session's.
    pub fn call_by(&mut self, pair: &Pair, token: Option<&str>, service: &str, action: &str, parameters: &Value) -> Value {
        let line = json!([pair.0, pair.1, token, service, action, parameters]);
        writeln!(self.stdin.as_mut().expect("a pipe"), "{line}").expect("botocore listens");
        let mut answer = String::new();
        self.stdout.read_line(&mut answer).expect("an answer");
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{action}: {error}: {answer}"))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}
