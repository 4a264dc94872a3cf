// The collectors of routers, load balancers and file servers on the fixture host composed-network-server, and what they
// do with files that are odd or missing.
// `UPDATE_GOLDEN=1 swift test --filter NetworkServerCollectors` writes the golden files anew: read their diff.

import Metrics
import Procfs
import TestSupport
import Testing

@testable import Collectors

@Suite struct NetworkServerCollectorsTests {
    static let collectors = [
        "bonding", "conntrack", "drbd", "ipvs", "lnstat", "mountstats", "nfs", "nfsd", "softnet", "udp_queues", "xfrm",
    ]

    @Test(arguments: collectors) func serves(collector: String) throws {
        try GoldenHost("composed-network-server").expect(collector)
    }

    /// Nine columns.
    @Test func servesSoftnetOf2010() throws { try GoldenHost("old-kernel").expect("softnet") }

    private func collected(
        _ name: String, _ files: [String: String], _ options: String = "{}"
    ) throws -> (samples: [String], error: CollectError?) {
        let host = try TemporaryHost(files)
        return try collectOnce(name, on: host, options)
    }

    // MARK: softnet

    @Test func aBacklogIsServedFromWhenTheKernelTellsIt() throws {
        // 13 columns: the CPU's number is the last; 11: the lines are counted.
        let columns = "1 2 3 0 0 0 0 0 4 5 6"
        let (new, _) = try collected("softnet", ["proc/net/softnet_stat": "\(columns) 7 0000000a\n"])
        #expect(new.contains("node_softnet_backlog_len{10} 7") && new.contains("node_softnet_received_rps_total{10} 5"))
        let (old, _) = try collected("softnet", ["proc/net/softnet_stat": "\(columns)\n\(columns)\n"])
        #expect(old.count == 14 && old.contains("node_softnet_backlog_len{1} 0"))
        #expect(old.contains("node_softnet_flow_limit_count_total{1} 6"))
    }

    @Test(arguments: ["1 2 3 4 5 6 7 8\n", "1 2 3 0 0 0 0 0 x\n", "11111111111111111 0 0 0 0 0 0 0 0\n"])
    func refusesSoftnetLinesThatAreNone(line: String) throws {
        let (samples, error) = try collected("softnet", ["proc/net/softnet_stat": line])
        #expect(samples.isEmpty)
        guard case .failed(let what) = error else { throw TestFailure("\(String(describing: error))") }
        #expect(what.contains("/proc/net/softnet_stat: line 1: expected "))
    }

    // MARK: conntrack

    @Test func conntrackWithoutItsTableIsServed() throws {
        let files = [
            "proc/sys/net/netfilter/nf_conntrack_count": "5\n", "proc/sys/net/netfilter/nf_conntrack_max": "262144\n",
        ]
        let (samples, error) = try collected("conntrack", files)
        #expect(samples == ["node_nf_conntrack_entries 5", "node_nf_conntrack_entries_limit 262144"] && error == nil)
    }

    @Test func conntrackReadsColumnsByTheirNames() throws {
        // A kernel of 2.6.32: `searched` in the place of `clashres`, and no search_restart.
        let files = [
            "proc/sys/net/netfilter/nf_conntrack_count": "1\n", "proc/sys/net/netfilter/nf_conntrack_max": "2\n",
            "proc/net/stat/nf_conntrack":
                "entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop\n"
                + "1 2 a 4 5 6 7 8 9 a b c\n1 2 b 4 5 6 7 8 9 a b c\n",
        ]
        let (samples, _) = try collected("conntrack", files)
        #expect(samples.contains("node_nf_conntrack_stat_found 21"))
        #expect(samples.contains("node_nf_conntrack_stat_early_drop 24"))
        #expect(samples.contains("node_nf_conntrack_stat_search_restart 0"))
    }

    // MARK: udp_queues

    @Test func queuesAreServedWithoutIPv6() throws {
        let (samples, error) = try collected("udp_queues", ["proc/net/udp": "   sl  local_address rem_address\n"])
        #expect(samples == ["node_udp_queues{v4,rx} 0", "node_udp_queues{v4,tx} 0"] && error == nil)
    }

    // MARK: bonding

    @Test func bondsAndInterfacesComeAndGo() throws {
        let host = try TemporaryHost([
            "sys/class/net/bonding_masters": "bond0\n", "sys/class/net/bond0/bonding/slaves": "eth0\n",
            "sys/class/net/bond0/lower_eth0/bonding_slave/mii_status": "up\n",
            "sys/class/net/bond0/lower_eth1/bonding_slave/mii_status": "up\n",
        ])
        var options = try section()
        var bonding = try BondingCollector(&options, host: host.host)
        #expect(try samples(&bonding) == ["node_bonding_slaves{bond0} 1", "node_bonding_active{bond0} 1"])
        // The second interface, and a third that does not say whether it has a link.
        try host.write("sys/class/net/bond0/bonding/slaves", "eth0 eth1 eth2\n")
        #expect(try samples(&bonding) == ["node_bonding_slaves{bond0} 3", "node_bonding_active{bond0} 2"])
        // A bond that is listed and gone.
        try host.write("sys/class/net/bonding_masters", "bond7 bond0\n")
        #expect(try samples(&bonding) == ["node_bonding_slaves{bond0} 3", "node_bonding_active{bond0} 2"])
        try host.write("sys/class/net/bonding_masters", "\n")
        #expect(try samples(&bonding).isEmpty)
    }

    // MARK: ipvs

    @Test func serversWithTheSameLabelsAreAddedUp() throws {
        let host = GoldenHost("composed-network-server")
        let (few, _) = try host.collect("ipvs", #"{"backend_labels": "proto,local_port"}"#)
        #expect(few.contains("node_ipvs_backend_connections_active{3306,TCP} 499"))
        #expect(few.contains("node_ipvs_backend_weight{443,TCP} 8"))
        #expect(few.contains("node_ipvs_backend_connections_inactive{0,FWM} 1"))
        let (none, _) = try host.collect("ipvs", #"{"backend_labels": ""}"#)
        #expect(none.contains("node_ipvs_backend_weight 249") && none.count == 8)
    }

    @Test func refusesLabelsThatServersDoNotHave() throws {
        #expect {
            var options = try section(#"{"backend_labels": "proto,port"}"#)
            _ = try IPVSCollector(&options, host: Procfs.Host())
        } throws: { "\($0)".contains("\"port\" is no label; known are local_address, local_mark") }
    }

    @Test(arguments: [
        "  -> C0A85216:0CEA      Tunnel  100    248        2\n", "TCP  C0A800:0CEA wlc\n", "TCP  C0A80016:10CEA wlc\n",
        "TCP  [2001:0db8::0022]:01BB wrr\n", "FWM  \n",
    ])
    func oddServicesLeaveTheTotals(lines: String) throws {
        let totals = "   Total\n   Conns\n 1 2 3 4 5\n"
        let headings = "IP Virtual Server version 1.2.1 (size=4096)\nProt\n  -> RemoteAddress:Port\n"
        let skipped = SkippedRows()
        let (samples, error) = try skipped.gather { () throws(any Error) in
            try collected("ipvs", ["proc/net/ip_vs_stats": totals, "proc/net/ip_vs": headings + lines])
        }
        #expect(samples.count == 5 && error == nil)
        #expect(skipped.files.map { $0.path.hasSuffix("/proc/net/ip_vs") } == [true])
        #expect(skipped.files.allSatisfy { $0.problem.hasPrefix("line ") })
    }

    // MARK: nfs

    @Test func proceduresThatAKernelDoesNotKnowWereNeverCalled() throws {
        let (client, _) = try collected(
            "nfs", ["proc/net/rpc/nfs": "net 1 2 3 4\nrpc 5 6 7\nproc4 3 0 8 9\nfuture 1 x\n"])
        #expect(client.contains("node_nfs_requests_total{Write,4} 9"))
        #expect(client.contains("node_nfs_requests_total{Clone,4} 0"))
        #expect(client.contains("node_nfs_requests_total{Null,2} 0"))
        #expect(client.count { $0.hasPrefix("node_nfs_requests_total") } == 99)
        // No read-ahead cache, no NFSv2.
        let (server, _) = try collected("nfsd", ["proc/net/rpc/nfsd": "rc 1 2 3\nth 8 0\nproc4ops 4 0 0 0 11\n"])
        #expect(server.contains("node_nfsd_requests_total{Access,4} 11"))
        #expect(server.contains("node_nfsd_read_ahead_cache_size_blocks 0"))
        #expect(server.count { $0.hasPrefix("node_nfsd_requests_total") } == 74)
    }

    @Test(arguments: [
        "net 1 2 3\n", "proc3 22 1 2 3\n", "proc4 -1\n", "rpc 1 2 x\n", "\n", "net 99999999999999999999 1 1 1\n",
        "future 1\n",
    ])
    func refusesRPCLinesThatAreNone(text: String) throws {
        for (name, path) in [("nfs", "proc/net/rpc/nfs"), ("nfsd", "proc/net/rpc/nfsd")] {
            let (samples, error) = try collected(name, [path: text])
            #expect(samples.isEmpty)
            guard case .failed(let what) = error else { throw TestFailure("\(String(describing: error))") }
            #expect(what.contains("/\(path): line "))
        }
    }

    // MARK: mountstats

    private static let events = "\tevents: " + String(repeating: "1 ", count: 25)

    @Test func mountsAreKnownByServerAndTransport() throws {
        let (all, error) = try GoldenHost("composed-network-server").collect("mountstats")
        #expect(error == nil)
        let nas = "nas.example:/export/home,192.0.2.40"
        // Mounted twice, counted once.
        #expect(all.count { $0.hasPrefix("node_mountstats_nfs_mountpoint_info{\(nas)") } == 2)
        #expect(all.count { $0.hasPrefix("node_mountstats_nfs_age_seconds_total{\(nas)") } == 1)
        // A time below 0 counts on, whether it was written with a sign or without.
        let queue = "node_mountstats_nfs_operations_queue_time_seconds_total"
        #expect(all.contains("\(queue){\(nas),WRITE,tcp} 9007044786793.922"))
        #expect(all.contains("\(queue){\(nas),GETATTR,tcp} 9007199254740.988"))
        // UDP has no connections; version 1.0 and RDMA have no slots.
        let transport = "node_mountstats_nfs_transport"
        let udp = "old-nas:/vol/a,198.51.100.9,udp,0"
        #expect(all.contains("\(transport)_connect_total{\(udp)} 0"))
        #expect(all.contains("\(transport)_sends_total{\(udp)} 4096"))
        #expect(all.contains("\(transport)_maximum_rpc_slots{\(udp)} 0"))
        #expect(all.contains("\(transport)_pending_queue_total{old-udp:/vol/b,,udp,0} 7"))
        let rdma = "[2001:db8::5]:/fast,2001:db8::5,rdma,0"
        #expect(all.contains("\(transport)_sends_total{\(rdma)} 88"))
        #expect(all.contains("\(transport)_maximum_rpc_slots{\(rdma)} 0"))
    }

    /// Version 1.0 of the statistics has no slots and queues.
    @Test(arguments: [
        ("1.0", "tcp 701 1 2 3 4 50 49 0 7 8", "8", "0"), ("1.1", "tcp 701 1 2 3 4 50 49 0 7 8 9 10 11", "8", "11"),
        ("1.0", "udp 701 1 50 49 0 7 8", "8", "0"), ("1.1", "udp 701 1 50 49 0 7 8 9 10 11", "8", "11"),
        ("1.1", "rdma 0 1 2 3 4 50 49 0 7 8 91 92 93 94 95 96 97 98 99 100", "8", "0"),
    ])
    func readsTransports(version: String, line: String, backlog: String, pending: String) throws {
        let text =
            "device a:/b mounted on /c with fstype nfs statvers=\(version)\n\(Self.events)\n\tbytes: 1 2 3 4 5 6 7 8\n"
            + "\txprt:\t\(line)\n\n"
        let (samples, error) = try collected("mountstats", ["proc/self/mountstats": text])
        let labels = "a:/b,,\(line.prefix { $0 != " " }),0"
        #expect(error == nil)
        #expect(samples.contains("node_mountstats_nfs_transport_sends_total{\(labels)} 50"))
        #expect(samples.contains("node_mountstats_nfs_transport_receives_total{\(labels)} 49"))
        #expect(samples.contains("node_mountstats_nfs_transport_backlog_queue_total{\(labels)} \(backlog)"))
        #expect(samples.contains("node_mountstats_nfs_transport_pending_queue_total{\(labels)} \(pending)"))
    }

    @Test func aHostWithoutNFSMountsIsNoError() throws {
        let (none, error) = try collected(
            "mountstats", ["proc/self/mountstats": "device proc mounted on /proc with fstype proc\n"])
        #expect(none.isEmpty && error == nil)
        // The transports of a mount that is about to go are gone before it.
        let (going, other) = try collected(
            "mountstats",
            [
                "proc/self/mountstats":
                    "device a:/b mounted on /c with fstype nfs statvers=1.1\n\(Self.events)\n\tbytes: 1 2 3 4 5 6 7 8\n"
            ])
        #expect(going.isEmpty && other == nil)
    }

    @Test(arguments: [
        "device a:/b mounted at /c with fstype nfs\n",
        "device a:/b mounted on /c with fstype nfs statvers=1.1\n\tage:\t12\n\n",
        "device a:/b mounted on /c with fstype nfs statvers=1.1\n\tevents: 1 2 3\n",
        "device a:/b mounted on /c with fstype nfs statvers=1.1\n\tbytes: 1 2 3 4 5 6 7 x\n",
        "device a:/b mounted on /c with fstype nfs statvers=1.1\n\txprt:\ttcp 1 2 3 4 5 6 7\n",
        "device a:/b mounted on /c with fstype nfs statvers=1.1\n\tper-op statistics\n\tREAD: 1 2 3\n",
        "device a:/b mounted on /c with fstype nfs statvers=1.1\n\tper-op statistics\n\tREAD 1 2 3 4 5 6 7 8\n",
    ])
    func refusesMountsThatAreNone(text: String) throws {
        let (samples, error) = try collected("mountstats", ["proc/self/mountstats": text])
        #expect(samples.isEmpty)
        guard case .failed(let what) = error else { throw TestFailure("\(String(describing: error))") }
        #expect(what.contains("/proc/self/mountstats: line "))
    }

    // MARK: lnstat

    @Test func aTableThatIsBrokenLeavesTheOthers() throws {
        let files = [
            "proc/net/stat/a_cache": "entries hits\n1 2\n", "proc/net/stat/b_cache": "entries hits\n1\n",
            "proc/net/stat/c_cache": "entries entries\n1 2\nff 3\n",
        ]
        let (samples, error) = try collected("lnstat", files)
        #expect(
            samples == [
                "node_lnstat_entries_total{0,a_cache} 1", "node_lnstat_hits_total{0,a_cache} 2",
                "node_lnstat_entries_total{0,c_cache} 1", "node_lnstat_entries_total{1,c_cache} 255",
            ])
        #expect(error == nil)
    }

    @Test func tablesComeAndGo() throws {
        let host = try TemporaryHost(["proc/net/stat/a_cache": "entries\n1\n"])
        var options = try section()
        var lnstat = try LnstatCollector(&options, host: host.host)
        #expect(try samples(&lnstat) == ["node_lnstat_entries_total{0,a_cache} 1"])
        try host.write("proc/net/stat/b_cache", "hits\na\n")
        #expect(
            try samples(&lnstat) == ["node_lnstat_entries_total{0,a_cache} 1", "node_lnstat_hits_total{0,b_cache} 10"])
    }

    // MARK: xfrm, drbd

    @Test func fieldsThatNobodyAskedForAreLeftOut() throws {
        let (samples, _) = try collected("xfrm", ["proc/net/xfrm_stat": "XfrmInError \t7\nXfrmInIptfsError \t8\n"])
        #expect(samples == ["node_xfrm_in_error_packets_total 7"])
    }

    @Test func aDeviceServesWhatItTells() throws {
        let (samples, error) = try collected(
            "drbd", ["proc/drbd": "version: 8.3.7 (api:88/proto:86-91)\n 3: cs:StandAlone ro:Primary st:x\n  oos:4\n"])
        #expect(
            samples == [
                "node_drbd_out_of_sync_bytes{drbd3} 4096", "node_drbd_connected{drbd3} 0",
                "node_drbd_node_role_is_primary{drbd3,local} 1",
            ])
        #expect(error == nil)
        // DRBD 9 has nothing else there.
        let (none, _) = try collected("drbd", ["proc/drbd": "version: 9.2.4 (api:2/proto:86-122)\n"])
        #expect(none.isEmpty)
        let (_, odd) = try collected("drbd", ["proc/drbd": "version: 8.3.7\n 3: cs:StandAlone\n  oos:-4\n"])
        #expect(odd == nil, "the line of the device is read")
    }

    // MARK: All

    @Test func saysWhatIsNotThere() throws {
        let missing = [
            "bonding": "/sys/class/net/bonding_masters", "conntrack": "/proc/sys/net/netfilter/nf_conntrack_count",
            "ipvs": "/proc/net/ip_vs_stats", "nfs": "/proc/net/rpc/nfs", "nfsd": "/proc/net/rpc/nfsd",
            "softnet": "/proc/net/softnet_stat", "mountstats": "/proc/self/mountstats", "lnstat": "/proc/net/stat",
            "xfrm": "/proc/net/xfrm_stat", "drbd": "/proc/drbd",
        ]
        let host = try TemporaryHost()
        for (name, path) in missing {
            #expect(try collectOnce(name, on: host).error == .absent("this kernel has no \(host.root)\(path)"))
        }
        #expect(
            try collectOnce("udp_queues", on: host).error
                == .absent("this kernel has neither \(host.root)/proc/net/udp nor \(host.root)/proc/net/udp6"))
    }
}
