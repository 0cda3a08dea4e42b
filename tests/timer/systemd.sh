# Arguments: keyrotate, then the program that its service shall run. In a mount namespace of its own, under a real systemd user manager
# that was started with a bare environment: installs twice, starts the service, looks, removes.
set -eu
keyrotate=$1 program=$2
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/systemd/system "/run/user/$(id -u)"
chmod 700 "/run/user/$(id -u)"
# A manager moves processes between the groups below its own: it gets one of its own, and sees no other hierarchy, or it would move those of
# the machine. Where there is cgroup2 there is one hierarchy only.
others=$(cat /proc/1/cgroup)
if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
    groups=/sys/fs/cgroup
else
    mount -t tmpfs tmpfs /sys/fs/cgroup
    groups=/sys/fs/cgroup/systemd
    mkdir "$groups"
    mount -t cgroup -o none,name=systemd cgroup "$groups"
fi
group=$groups/keyrotate-$$
mkdir "$group"
echo $$ >"$group/cgroup.procs"
env -i HOME="$HOME" XDG_RUNTIME_DIR="/run/user/$(id -u)" PATH=/usr/local/bin:/usr/bin:/bin \
    /lib/systemd/systemd --user --log-target=null >"$HOME/../manager" 2>&1 &
manager=$!
finish() {
    kill "$manager" && wait "$manager" || true
    echo $$ >"$groups/cgroup.procs"
    find "$group" -depth -type d -exec rmdir {} +
    [ "$(cat /proc/1/cgroup)" = "$others" ] || exit 1
}
trap finish EXIT
for _ in $(seq 100); do
    [ -S "/run/user/$(id -u)/systemd/private" ] && break
    sleep 0.1
done
install() { "$keyrotate" timer install --yes --force --program "$program"; }
install
cp -r "$HOME/.config/systemd/user" "$HOME/../units"
install >"$HOME/../twice"
diff -r "$HOME/../units" "$HOME/.config/systemd/user"
XDG_RUNTIME_DIR="/run/user/$(id -u)" systemctl --user start keyrotate.service
"$keyrotate" timer status
"$keyrotate" timer remove
XDG_RUNTIME_DIR="/run/user/$(id -u)" systemctl --user list-unit-files 'keyrotate*' || true
