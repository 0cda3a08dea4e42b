//! The commands that make a trail, for an account that has none. They are printed, and none of them is run: a trail costs money and stores what
//! everybody in the account did.

use serde_json::{Value, json};

use crate::model::{ProfileName, shell_word};

/// What a trail and an alarm cost.
pub const COSTS: &str = "what it costs (us-east-1, without tax; see the pricing pages of CloudTrail, CloudWatch and S3): the first trail records \
management events for nothing; S3 stores them for about $0.023 per GB and month, and CloudWatch Logs takes them in for $0.50 per GB: an account in \
everyday use writes a few hundred MB a month, a busy one many GB. An alarm is $0.10 and a metric $0.30 a month; mails are free";

/// So long the log group keeps the events, in days; S3 keeps them for ever.
const DAYS: u32 = 90;

/// The description of the role, by which it is known.
const MADE_BY: &str = "Made by keyrotate alarm plan --create-trail.";

/// What everything is called.
const NAME: &str = "keyrotate-trail";

/// A script for a POSIX shell: a trail of all regions with a log group in this region, for the profile's account. Cut off anywhere, it goes on when it
/// is run again, and what somebody else made under our names it neither changes nor uses.
pub fn trail_script(profile: &ProfileName, partition: &str, account: &str, region: &str) -> String {
    let bucket = format!("{NAME}-{account}-{region}");
    let trail = format!("arn:{partition}:cloudtrail:{region}:{account}:trail/{NAME}");
    let group = format!("arn:{partition}:logs:{region}:{account}:log-group:{NAME}");
    // A role is of all regions, and what it may do is about one.
    let role_name = format!("{NAME}-{region}");
    let role = format!("arn:{partition}:iam::{account}:role/{role_name}");
    let objects = format!("arn:{partition}:s3:::{bucket}/AWSLogs/{account}/*");
    let service = json!({"Service": "cloudtrail.amazonaws.com"});
    let from_trail = json!({"aws:SourceArn": trail});
    let bucket_policy = document(&json!([
        {"Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl", "Resource": format!("arn:{partition}:s3:::{bucket}"),
         "Condition": {"StringEquals": from_trail}},
        {"Effect": "Allow", "Principal": service, "Action": "s3:PutObject", "Resource": objects,
         "Condition": {"StringEquals": {"aws:SourceArn": trail, "s3:x-amz-acl": "bucket-owner-full-control"}}},
    ]));
    let trust = document(&json!([{"Effect": "Allow", "Principal": service, "Action": "sts:AssumeRole"}]));
    let writes = json!(["logs:CreateLogStream", "logs:PutLogEvents"]);
    let writes = document(&json!([{"Effect": "Allow", "Action": writes, "Resource": format!("{group}:*")}]));
    // us-east-1 is S3's default and no LocationConstraint.
    let location =
        if region == "us-east-1" { String::new() } else { format!(" --create-bucket-configuration LocationConstraint={region}") };
    let profile = profile.quoted();
    let then = shell_word(&format!("the trail records; then run keyrotate alarm install {profile} --email …"));
    format!(
        r#"# A trail of all regions with a log group, in account {account} and region {region}. Read this, then run it; where it stops, run it again:
#   keyrotate alarm plan {profile} --create-trail > trail.sh
#   sh trail.sh
# Where that wants MFA: keyrotate exec {profile} -- sh trail.sh
set -eu
export AWS_PROFILE={profile} AWS_PAGER=

stop() {{
    printf '%s\n' "$1" >&2
    exit 1
}}

# Whether AWS answers a command with this error. With another one it all ends.
answers() {{
    error=$1
    shift
    if said=$("$@" 2>&1); then
        return 1
    fi
    case $said in
        *"($error)"*) return 0 ;;
    esac
    stop "$said"
}}

owner=$(aws sts get-caller-identity --query Account --output text)
[ "$owner" = {account} ] || stop "this is for account {account}, and the credentials are of account $owner: nothing was changed"
elsewhere=$(aws cloudtrail list-trails --region {region} --query "Trails[?Name=='{NAME}' && HomeRegion!='{region}'].HomeRegion" --output text)
case $elsewhere in
    '' | None) ;;
    *) stop "the trail {NAME} is in $elsewhere already, and one is enough: nothing was changed" ;;
esac

# where the trail stores its files; a bucket of another account is refused, and a policy that is there stays
if answers 404 aws s3api head-bucket --bucket {bucket} --region {region} --expected-bucket-owner {account}; then
    aws s3api create-bucket --bucket {bucket} --region {region}{location} >/dev/null
fi
if answers NoSuchBucketPolicy aws s3api get-bucket-policy --bucket {bucket} --region {region} --expected-bucket-owner {account}; then
    aws s3api put-public-access-block --bucket {bucket} --region {region} --expected-bucket-owner {account} --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
    aws s3api put-bucket-policy --bucket {bucket} --region {region} --expected-bucket-owner {account} --policy {bucket_policy}
fi

# where an alarm can hear of them
if answers ResourceAlreadyExistsException aws logs create-log-group --log-group-name {NAME} --region {region} --tags keyrotate=trail; then
    mark=$(aws logs list-tags-for-resource --resource-arn {group} --region {region} --query tags.keyrotate --output text)
    [ "$mark" = trail ] || stop "the log group {NAME} is somebody else's: it has no tag keyrotate=trail"
fi
aws logs put-retention-policy --log-group-name {NAME} --retention-in-days {DAYS} --region {region}

# who delivers there
if answers EntityAlreadyExists aws iam create-role --role-name {role_name} --description '{MADE_BY}' --assume-role-policy-document {trust}; then
    mark=$(aws iam get-role --role-name {role_name} --query Role.Description --output text)
    [ "$mark" = '{MADE_BY}' ] || stop "the role {role_name} is somebody else's: its description is $mark"
fi
aws iam put-role-policy --role-name {role_name} --policy-name {role_name} --policy-document {writes}

# the trail; a role and a policy that are new are not known everywhere at once
if answers TrailNotFoundException aws cloudtrail get-trail --name {NAME} --region {region} --query Trail.S3BucketName --output text; then
    tries=1
    until said=$(aws cloudtrail create-trail --name {NAME} --region {region} --s3-bucket-name {bucket} --is-multi-region-trail --include-global-service-events --enable-log-file-validation --cloud-watch-logs-log-group-arn '{group}:*' --cloud-watch-logs-role-arn {role} 2>&1); do
        case $said in
            *"(InvalidCloudWatchLogs"* | *"(InsufficientS3BucketPolicy"*) ;;
            *) stop "$said" ;;
        esac
        [ "$tries" -lt 10 ] || stop "$said"
        tries=$((tries + 1))
        sleep 5
    done
elif [ "$said" != {bucket} ]; then
    stop "the trail {NAME} is somebody else's: it stores its files in $said"
fi
aws cloudtrail start-logging --name {NAME} --region {region}
printf '%s\n' {then}"#
    )
}

/// A policy as a word. None has a quote of this kind: names of accounts and regions have none.
fn document(statements: &Value) -> String {
    format!("'{}'", json!({"Version": "2012-10-17", "Statement": statements}))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All is there and ours but for the trail. Each answer can be another one.
    const OURS: [(&str, &str); 10] = [
        ("get-caller-identity", "echo 111122223333"),
        ("list-trails", "echo None"),
        ("head-bucket", ":"),
        ("get-bucket-policy", "echo policy"),
        ("create-log-group", "fails ResourceAlreadyExistsException"),
        ("list-tags-for-resource", "echo trail"),
        ("create-role", "fails EntityAlreadyExists"),
        ("get-role", "echo 'Made by keyrotate alarm plan --create-trail.'"),
        ("get-trail", "fails TrailNotFoundException"),
        ("create-trail", ":"),
    ];

    /// The script with these answers of AWS: whether it went to its end, what it asked for, and what it said.
    fn run(other: &[(&str, &str)]) -> (bool, Vec<String>, String) {
        let scratch = tempfile::tempdir().expect("a directory");
        let answer = |(operation, ours): (&str, &str)| {
            let answer = other.iter().find(|(name, _)| *name == operation).map_or(ours, |(_, answer)| answer);
            format!("{operation}) {answer} ;;\n")
        };
        let answers: String = OURS.into_iter().map(answer).collect();
        let fake = format!(
            "fails() {{ echo \"An error occurred ($1) when calling\" >&2; return 254; }}\nsleep() {{ echo \"sleep $1\" >>calls; }}\n\
             aws() {{ echo \"$2\" >>calls; case $2 in {answers} esac; }}\n"
        );
        let script = fake + &trail_script(&ProfileName::new("work"), "aws", "111122223333", "eu-west-1");
        let ran = std::process::Command::new("sh").args(["-c", &script]).current_dir(scratch.path()).output().expect("a shell");
        let calls = std::fs::read_to_string(scratch.path().join("calls")).expect("calls").lines().map(str::to_owned).collect();
        (ran.status.success(), calls, String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned())
    }

    #[test]
    fn what_is_somebody_elses_ends_it_before_anything_of_it_changes() {
        let bucket = "echo keyrotate-trail-111122223333-eu-west-1";
        for (operation, answer, why, untouched) in [
            ("get-caller-identity", "echo 999999999999", "are of account 999999999999: nothing was changed", "head-bucket"),
            ("list-trails", "echo eu-north-1", "is in eu-north-1 already, and one is enough: nothing was changed", "head-bucket"),
            ("head-bucket", "fails 403", "(403)", "put-bucket-policy"),
            ("get-bucket-policy", "fails AccessDenied", "(AccessDenied)", "put-bucket-policy"),
            ("list-tags-for-resource", "echo None", "the log group keyrotate-trail is somebody else's", "put-retention-policy"),
            ("get-role", "echo theirs", "the role keyrotate-trail-eu-west-1 is somebody else's", "put-role-policy"),
            ("get-trail", "echo theirs", "it stores its files in theirs", "start-logging"),
        ] {
            let (is_well, calls, said) = run(&[(operation, answer)]);
            assert!(!is_well && said.contains(why), "{operation}: {said}");
            assert!(!calls.iter().any(|call| call == untouched || call == "create-trail"), "{operation}: {calls:?}");
        }
        let (is_well, calls, said) = run(&[("get-trail", bucket)]);
        assert!(is_well && said.contains("keyrotate alarm install work --email"), "{said}");
        let absent = ["create-bucket", "put-public-access-block", "put-bucket-policy", "create-trail"];
        assert!(!calls.iter().any(|call| absent.contains(&call.as_str())), "{calls:?}");
        assert_eq!(calls.last().map(String::as_str), Some("start-logging"));
    }

    #[test]
    fn the_trail_waits_for_its_role_and_not_for_ever() {
        let count = |calls: &[String], wanted: &str| calls.iter().filter(|call| *call == wanted).count();
        let late = r#"[ "$(grep -c create-trail calls)" -gt 3 ] || fails InvalidCloudWatchLogsRoleArnException"#;
        for (answer, is_whole, tries) in [
            (":", true, 1),
            (late, true, 4),
            ("fails InvalidCloudWatchLogsLogGroupArnException", false, 10),
            ("fails MaximumNumberOfTrailsExceededException", false, 1),
        ] {
            let (is_well, calls, said) = run(&[("create-trail", answer)]);
            let made = [count(&calls, "create-trail"), count(&calls, "sleep 5"), count(&calls, "start-logging")];
            assert_eq!((is_well, made), (is_whole, [tries, tries - 1, usize::from(is_whole)]), "{answer}: {calls:?} {said}");
        }
    }
}
