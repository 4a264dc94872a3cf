#!/bin/sh
# A network namespace with something of everything that the netlink collectors tell of. Run it in one of your own
# (`unshare --net --mount`); the sockets are opened by who uses it. What this kernel cannot do is named on standard error.
set -e
PATH=$PATH:/usr/sbin:/sbin
can() { "$@" || echo "this kernel cannot: $*" >&2; }

# sysfs shows the network namespace in which it was mounted.
mount -t sysfs sysfs /sys
ip link set lo up
ip link add v0 address 02:00:00:00:01:00 type veth peer name v1 address 02:00:00:00:01:01
ip link add br0 address 02:00:00:00:01:01 type bridge
ip link set v1 master br0
for interface in v0 v1 br0; do ip link set $interface up; done
can ip link add off0 address 02:00:00:00:01:02 type ifb
can ip link property add dev v0 altname uplink0 altname a-name-that-is-longer-than-fifteen-bytes
ip link set v0 alias 'to "br0"' group 7 txqueuelen 99
ip link set br0 mtu 1400

ip address add 10.9.0.1/24 dev v0
ip address add 10.9.1.1/24 dev br0
can ip -6 address add fd00:9::1/64 dev v0 nodad
ip neighbour add 10.9.0.2 lladdr 02:00:00:00:00:02 dev v0
ip neighbour add 10.9.0.3 lladdr 02:00:00:00:00:03 nud stale dev v0
ip neighbour add 10.9.0.9 lladdr 02:00:00:00:00:09 nud noarp dev v0
ip neighbour add 10.9.1.4 lladdr 02:00:00:00:00:04 dev br0
can ip -6 neighbour add fd00:9::2 lladdr 02:00:00:00:00:05 dev v0

ip route add default via 10.9.0.2 metric 100 proto dhcp src 10.9.0.1
can ip route add 10.20.0.0/16 nexthop via 10.9.0.2 weight 3 nexthop via 10.9.1.4 weight 1
ip route add 10.21.0.0/16 via 10.9.0.2 table 100
ip route add blackhole 10.22.0.0/16
ip route add 10.23.0.0/16 dev br0 proto bird metric 7
ip route add 10.24.0.1/32 via 10.9.0.3 proto 200
# The same series as in the main table: it may be served once only.
ip route add default via 10.9.0.2 metric 100 proto dhcp src 10.9.0.1 table 101
can ip -6 route add default via fd00:9::2 metric 5
can ip -6 route add fd00:20::/32 nexthop via fd00:9::2 weight 2 nexthop via fd00:9::3

can tc qdisc add dev v0 root handle 1: htb default 10
can tc class add dev v0 parent 1: classid 1:10 htb rate 10mbit
can tc qdisc add dev v0 parent 1:10 handle 10: pfifo limit 50
can tc qdisc add dev br0 root tbf rate 1mbit burst 10k latency 50ms
can tc qdisc add dev v1 clsact
