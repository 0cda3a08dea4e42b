//! The commands that make a trail, for an account that has none. They are printed, and none of them is run: a trail costs money and stores what
//! everybody in the account did.

use serde_json::{Value, json};

/// What a trail and an alarm cost.
pub const COSTS: &str = "what it costs (us-east-1, without tax; see the pricing pages of CloudTrail, CloudWatch and S3): the first trail records \
management events for nothing; S3 stores them for about $0.023 per GB and month, and CloudWatch Logs takes them in for $0.50 per GB: an account in \
everyday use writes a few hundred MB a month, a busy one many GB. An alarm is $0.10 and a metric $0.30 a month; mails are free";

/// So long the log group keeps the events, in days; S3 keeps them for ever.
const DAYS: u32 = 90;

/// What everything is called.
const NAME: &str = "keyrotate-trail";

/// A script for a POSIX shell: a trail of all regions with a log group in this region.
pub fn trail_script(partition: &str, account: &str, region: &str) -> String {
    let bucket = format!("{NAME}-{account}-{region}");
    let trail = format!("arn:{partition}:cloudtrail:{region}:{account}:trail/{NAME}");
    let group = format!("arn:{partition}:logs:{region}:{account}:log-group:{NAME}:*");
    let objects = format!("arn:{partition}:s3:::{bucket}/AWSLogs/{account}/*");
    let service = json!({"Service": "cloudtrail.amazonaws.com"});
    let from_trail = json!({"aws:SourceArn": trail});
    let document = |statements: Value| quoted(&json!({"Version": "2012-10-17", "Statement": statements}));
    let bucket_policy = document(json!([
        {"Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl", "Resource": format!("arn:{partition}:s3:::{bucket}"),
         "Condition": {"StringEquals": from_trail}},
        {"Effect": "Allow", "Principal": service, "Action": "s3:PutObject", "Resource": objects,
         "Condition": {"StringEquals": {"aws:SourceArn": trail, "s3:x-amz-acl": "bucket-owner-full-control"}}},
    ]));
    let trust = document(json!([{"Effect": "Allow", "Principal": service, "Action": "sts:AssumeRole"}]));
    let writes = document(json!([{"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": group}]));
    // us-east-1 is S3's default and no LocationConstraint.
    let location =
        if region == "us-east-1" { String::new() } else { format!(" --create-bucket-configuration LocationConstraint={region}") };
    let lines = [
        "set -eu".to_owned(),
        "# where the trail stores its files".to_owned(),
        format!("aws s3api create-bucket --bucket {bucket} --region {region}{location}"),
        format!(
            "aws s3api put-public-access-block --bucket {bucket} --region {region} --public-access-block-configuration \
             BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"
        ),
        format!("aws s3api put-bucket-policy --bucket {bucket} --region {region} --policy {bucket_policy}"),
        "# where an alarm can hear of them".to_owned(),
        format!("aws logs create-log-group --log-group-name {NAME} --region {region}"),
        format!("aws logs put-retention-policy --log-group-name {NAME} --retention-in-days {DAYS} --region {region}"),
        format!("aws iam create-role --role-name {NAME} --assume-role-policy-document {trust}"),
        format!("aws iam put-role-policy --role-name {NAME} --policy-name {NAME} --policy-document {writes}"),
        "# until the role counts everywhere".to_owned(),
        "sleep 15".to_owned(),
        "# the trail".to_owned(),
        format!(
            "aws cloudtrail create-trail --name {NAME} --region {region} --s3-bucket-name {bucket} --is-multi-region-trail \
             --include-global-service-events --enable-log-file-validation --cloud-watch-logs-log-group-arn '{group}' \
             --cloud-watch-logs-role-arn arn:{partition}:iam::{account}:role/{NAME}"
        ),
        format!("aws cloudtrail start-logging --name {NAME} --region {region}"),
    ];
    lines.join("\n")
}

/// None of the documents has a quote of this kind: names of accounts and regions have none.
fn quoted(document: &Value) -> String {
    format!("'{document}'")
}
