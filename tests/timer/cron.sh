# Arguments: keyrotate, then the program that its line shall run. In a mount namespace of its own, with an empty crontab and a real cron
# daemon, whose environment is bare: installs twice, lets the daemon run the line, looks, removes. The machine's own crontab is not seen.
set -eu
keyrotate=$1 program=$2
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=1730,gid=crontab tmpfs /var/spool/cron/crontabs
# cron takes HOME from the password file, unless the crontab says otherwise.
printf 'HOME=%s\n5 5 * * * /bin/true\n' "$HOME" | crontab -
install() { "$keyrotate" timer install --yes --force --kind cron --program "$program"; }
install >"$HOME/../once"
crontab -l >"$HOME/../crontab"
install >"$HOME/../twice"
crontab -l | cmp - "$HOME/../crontab"
# The same line, at once: cron runs @reboot when it starts.
crontab -l | sed -E 's,^[0-9]+ \*/4 \* \* \* ,@reboot ,' | crontab -
crontab -l | grep -q '^@reboot umask'
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin cron -f &
daemon=$!
result=$HOME/.local/state/keyrotate/timer.result
for _ in $(seq 300); do
    [ -s "$result" ] && break
    sleep 0.2
done
echo "result $(cat "$result")"
stat -c 'mode %a' "$result" "$HOME/.local/state/keyrotate/timer.log"
cat "$HOME/.local/state/keyrotate/timer.log" >"$HOME/../log"
crontab "$HOME/../crontab"
"$keyrotate" timer status
kill "$daemon"
"$keyrotate" timer remove
echo "left: $(crontab -l)"
"$keyrotate" timer remove
