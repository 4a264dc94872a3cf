// One odd row costs itself, in every parser of a table: first, in the middle and last, all other rows are read, and one
// is counted.

import Bytes
import TestSupport
import Testing

@testable import Procfs

/// A table that is made of rows, and what tells that a row was read.
struct TableCase: Sendable, CustomTestStringConvertible {
    let name: String
    var header = ""
    /// With what is read of each.
    let rows: [(text: String, key: String)]
    /// Rows that hold what no kernel writes there.
    let odd: [String]
    var footer = ""
    let read: @Sendable (inout ByteCursor) throws(ParseError) -> [String]

    var testDescription: String { name }
}

private let huge = "99999999999999999999999"

private func keys(_ list: FieldList) -> [String] {
    list.fields.map { "\(list.group(of: $0)).\(list.name(of: $0))=\(Int($0.value))" }
}

private let netTables: [TableCase] = [
    TableCase(
        name: "net/dev", header: "Inter-| Receive | Transmit\n face |bytes |bytes\n",
        rows: [
            ("  lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "lo"),
            ("ibr10:30: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "ibr10:30"),
            ("eth0:61 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "eth0"),
        ],
        odd: [
            "eth1: 1 2 3", "eth1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", "eth1", ": 1",
            "eth1: \(huge) 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "eth1: -1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
        ],
        read: { text throws(ParseError) in try NetDev.parse(&text).map(\.name) }),
    TableCase(
        name: "net/arp", header: "IP address       HW type     Flags       HW address            Mask     Device\n",
        rows: [
            ("192.0.2.1 0x1 0x2 02:00:00:00:00:02 * eth0", "eth0"), ("192.0.2.3 0x1 0x2 * tun0", "tun0"),
            ("192.0.2.4 0x1 0x2 02:00:00:00:00:02 * eth1", "eth1"),
        ],
        odd: ["192.0.2.1", "192.0.2.1 0x1 0x2 02:00:00:00:00:02 * eth 2"],
        read: { text throws(ParseError) in
            var names: [String] = []
            try ARPTable.forEachDevice(&text) { name, text in names.append(text.text(name)) }
            return names
        }),
    TableCase(
        name: "net/snmp",
        rows: [
            ("Ip: A B\nIp: 1 2", "Ip.A=1 Ip.B=2"), ("Icmp: A\nIcmp: 3", "Icmp.A=3"), ("Tcp: A\nTcp: -1", "Tcp.A=-1"),
        ],
        odd: ["Udp: A B\nUdp: 1", "Udp: A\nUdp: 1 2", "Udp: A\nUdp: x", "Udp: A", "Udp: A\nUdp: \(huge)", "noise"],
        read: { text throws(ParseError) in keys(try NetSNMP.parse(&text)) }),
    TableCase(
        name: "net/snmp6", rows: [("Ip6A 1", "Ip6.A=1"), ("Icmp6B 2", "Icmp6.B=2"), ("Udp6C 3", "Udp6.C=3")],
        odd: ["Ip6D", "Ip6D x", "Ip6D \(huge)", "Ip6D 1 2"],
        read: { text throws(ParseError) in keys(try NetSNMP6.parse(&text)) }),
    TableCase(
        name: "net/sockstat",
        rows: [
            ("TCP: inuse 2 mem 1", "TCP.inuse=2 TCP.mem=1"), ("UDP: inuse 3", "UDP.inuse=3"),
            ("RAW: inuse 4", "RAW.inuse=4"),
        ],
        odd: ["FRAG: inuse 1 memory", "FRAG inuse 0", "FRAG: inuse \(huge)", "FRAG: inuse 1?2"],
        read: { text throws(ParseError) in keys(try SockStat.parse(&text)) }),
    TableCase(
        name: "net/softnet_stat",
        rows: [
            ("1 0 0 0 0 0 0 0 0 0 0 0 0", "0"), ("2 0 0 0 0 0 0 0 0 0 0 0 a", "10"),
            ("3 0 0 0 0 0 0 0 0 0 0 0 b", "11"),
        ],
        odd: ["1 0 0", "1 0 x 0 0 0 0 0 0 0 0 0 c", "1ffffffffffffffff 0 0 0 0 0 0 0 0 0 0 0 c", "-1 0 0 0 0 0 0 0 0"],
        read: { text throws(ParseError) in try SoftnetStat.parse(&text).map { "\($0.cpu)" } }),
    TableCase(
        name: "net/stat", header: "entries found\n", rows: [("1 2", "1"), ("a 3", "10"), ("3 4", "3")],
        odd: ["1", "1 2 3", "x 2", "1ffffffffffffffff 2"],
        read: { text throws(ParseError) in
            let table = try NetStatTable.parse(&text)
            return table.cpus.indices.map { "\(table.number(0, row: $0))" }
        }),
    TableCase(
        name: "net/ip_vs", header: "IP Virtual Server version 1.2.1\nProt\n  ->\nTCP  C0A80016:0CEA wlc\n",
        rows: [
            ("  -> C0A85216:0001 Tunnel 100 248 2", "1"), ("  -> C0A85216:0002 Tunnel 100 248 2", "2"),
            ("  -> C0A85216:0003 Tunnel 100 248 2", "3"),
        ],
        odd: [
            "  -> C0A85216 Tunnel 100 248 2", "  -> C0A85216:0004 Tunnel 100 248", "  -> C0A85216:0004 Tunnel 1 -1 2",
            "  -> C0A85216:0004 Tunnel \(huge) 1 2", "  -> C0A85216:0004 Tunnel 1 1 2?3",
        ],
        read: { text throws(ParseError) in try IPVSBackend.parse(&text).map { "\($0.remote.port)" } }),
]

private let systemTables: [TableCase] = [
    TableCase(
        name: "stat",
        rows: [("cpu 1 2 3 4", "cpu"), ("cpu1 1 2 3 4", "1"), ("cpu7 1 2 3 4 5 6 7 8 9 10", "7")],
        odd: [
            "cpu5 1 2", "cpu5 1 2 3 \(huge)", "cpu5 -1 2 3 4", "cpux 1 2 3 4", "cpu99999999 1 2 3 4", "ctxt x",
            "ctxt 1?2", "procs_blocked -1", "cpu5 1 2 3 4?5",
        ],
        read: { text throws(ParseError) in
            let stat = try Stat.parse(&text)
            return (stat.total == nil ? [] : ["cpu"]) + stat.cpus.map { "\($0.cpu ?? -1)" }
        }),
    TableCase(
        name: "interrupts", header: "  CPU0 CPU1\n",
        rows: [("1: 2 3 IO-APIC", "1=2,3"), ("LOC: 4 5", "LOC=4,5"), ("NMI: 6 7", "NMI=6,7")],
        odd: ["2 3 4", "RES: 1 \(huge)", "RES: 1x 2", "RES: 1 -2", "RES: 1 x", "RES: -1 2"],
        read: { text throws(ParseError) in
            let table = try InterruptTable.parse(&text)
            return table.rows.indices.map { row in
                let counts = table.counts(ofRow: row).map { "\($0)" }.joined(separator: ",")
                return "\(String(decoding: table.text[table.rows[row].name], as: UTF8.self))=\(counts)"
            }
        }),
    TableCase(
        name: "schedstat", header: "version 15\n",
        rows: [
            ("cpu0 0 0 0 0 0 0 1 2 3", "0"), ("cpu1 0 0 0 0 0 0 1 2 3", "1"), ("cpu9 0 0 0 0 0 0 1 2 3", "9"),
        ],
        odd: [
            "cpu10 0 0", "cpux 0 0 0 0 0 0 1 2 3", "cpu10 0 0 0 0 0 0 \(huge) 2 3", "cpu10 0 0 0 0 0 0 -1 2 3",
            "cpu10 0 0 0 0 0 0 1 2 3?",
        ],
        read: { text throws(ParseError) in try SchedStat.parse(&text).map { "\($0.cpu)" } }),
    TableCase(
        name: "meminfo", rows: [("MemTotal: 1 kB", "MemTotal"), ("MemFree: 2 kB", "MemFree"), ("Huge: 3", "Huge")],
        odd: ["Odd: x kB", "Odd 1 kB", "Odd: 1 MB", "Odd: \(huge) kB", "Odd: -1 kB", ": 1 kB"],
        read: { text throws(ParseError) in
            let list = try Meminfo.parse(&text)
            return list.fields.map { list.name(of: $0) }
        }),
    TableCase(
        name: "vmstat", rows: [("a 1", "a"), ("b 2", "b"), ("c 3", "c")],
        odd: ["d", "d x", "d \(huge)", "d 1 2", " 1"],
        read: { text throws(ParseError) in
            let list = try VMStat.parse(&text)
            return list.fields.map { list.name(of: $0) }
        }),
    TableCase(
        name: "zoneinfo", header: "Node 0, zone DMA\n",
        rows: [("  min 1", "min=1"), ("  low 2", "low=2"), ("  high 3", "high=3")],
        odd: [
            "  spanned x", "  spanned \(huge)", "  spanned -1", "  spanned 1?2", "  protection: (1, x)",
            "  protection: (1, 2?)",
        ],
        read: { text throws(ParseError) in
            let zones = try ZoneInfo.parse(&text)
            return zip(ZoneInfo.fields, zones[0].values).compactMap { name, value in value.map { "\(name)=\($0)" } }
        }),
    TableCase(
        name: "buddyinfo",
        rows: [
            ("Node 0, zone DMA 1 2", "DMA"), ("Node 0, zone DMA32 1 2", "DMA32"), ("Node 1, zone Normal 1", "Normal"),
        ],
        odd: [
            "Node x, zone Odd 1", "Node 0, zone Odd", "Node 0, zone Odd 1 \(huge)", "Node 0, zone Odd -1", "Node 0",
            "Node 0, zone Odd 1 2?3",
        ],
        read: { text throws(ParseError) in try BuddyInfo.parse(&text).map(\.zone) }),
    TableCase(
        name: "slabinfo", header: "slabinfo - version: 2.1\n# name\n",
        rows: [("a 1 2 3 4 5 : x", "a"), ("b 1 2 3 4 5 : x", "b"), ("c 1 2 3 4 5 : x", "c")],
        odd: ["d 1 2", "d e 1 2 3 4 5", "d \(huge) 2 3 4 5", "d -1 2 3 4 5", "d 1 2 3 4 5?"],
        read: { text throws(ParseError) in
            let info = try SlabInfo.parse(&text)
            return info.slabs.map { String(decoding: info.text[$0.name], as: UTF8.self) }
        }),
    TableCase(
        name: "swaps", header: "Filename Type Size Used Priority\n",
        rows: [("/dev/a partition 1 2 -2", "/dev/a"), ("/b\\040c file 1 2 3", "/b\\040c"), ("/d file 1 2 3", "/d")],
        odd: ["/x", "/x file 1 2", "/x file \(huge) 2 3", "/x y file 1 2 3", "/x file -1 2 3", "/x file 1 2 3?4"],
        read: { text throws(ParseError) in try SwapArea.parse(&text).map(\.path) }),
    TableCase(
        name: "cgroups", header: "#subsys_name hierarchy num_cgroups enabled\n",
        rows: [("cpu 0 1 1", "cpu"), ("io 0 2 1", "io"), ("pids 0 3 0", "pids")],
        odd: ["odd 0 1", "odd 0 x 1", "odd 0 \(huge) 1", "odd 0 -1 1", "odd 0 1 1?"],
        read: { text throws(ParseError) in try CgroupController.parse(&text).map(\.name) }),
    TableCase(
        name: "pressure",
        rows: [("some avg10=0.00 total=1", "some=1"), ("full avg10=0.00 total=2", "full=2")],
        odd: ["some avg10=0.00", "full total=x", "some total=\(huge)", "full total=-1"],
        read: { text throws(ParseError) in
            let pressure = try Pressure.parse(&text)
            return [pressure.someMicroseconds.map { "some=\($0)" }, pressure.fullMicroseconds.map { "full=\($0)" }]
                .compactMap { $0 }
        }),
]

private let diskTables: [TableCase] = [
    TableCase(
        name: "diskstats",
        rows: [
            (" 8 0 sda 1 2 3 4 5 6 7 8 9 10 11", "sda"), (" 8 1 sda1 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15", "sda1"),
            (" 8 2 sda2 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", "sda2"),
        ],
        odd: [
            " 8 3 sdb 1 2 3", " 8 3 sdb 1 2 3 4 5 6 7 8 9 10 x", " 8 3 sdb \(huge) 2 3 4 5 6 7 8 9 10 11", " x 3 sdb",
            " 8 3 sd b 1 2 3 4 5 6 7 8 9 10 11", " 8 3 sdb -1 2 3 4 5 6 7 8 9 10 11",
        ],
        read: { text throws(ParseError) in try DiskStats.parse(&text).map(\.name) }),
    TableCase(
        name: "mountinfo",
        rows: [
            ("27 1 254:0 / / rw - ext4 /dev/vda rw", "/"), ("41 23 0:38 / /mnt ro  shared:5 - tmpfs  rw", "/mnt"),
            ("42 23 0:39  /empty rw - nsfs nsfs rw", "/empty"),
        ],
        odd: [
            "43 23 0:40 / /odd", "43 23 0:40 / /odd rw - ext4", "x 23 0:40 / /odd rw - ext4 a rw",
            "\(huge) 23 0:40 / /odd rw - ext4 a rw", "43 23 0:40  / /odd rw - ext4 a rw",
            "-1 23 0:40 / /odd rw - ext4 a rw",
        ],
        read: { text throws(ParseError) in try Mount.parse(&text).map(\.mountPoint.description) }),
    TableCase(
        name: "mdstat", header: "Personalities : [raid1]\n",
        rows: [
            ("md0 : active raid1 sdb[0] sdc[1]\n      10 blocks [2/2] [UU]\n", "md0"),
            ("md1 : active faulty sdd[0]\n      10 blocks nfaults=0\n", "md1"),
            ("md2 : inactive sde1[0](S)\n      10 blocks super 1.2\n", "md2"),
        ],
        odd: [
            "md9", "md9 : active raid1 sdb[0]\n      10 blocks\n", "md9 : active raid1 sdb[0]\n      x blocks [2/2]\n",
            "md9 : active raid1 sdb[0]\n      \(huge) blocks [2/2]\n",
            "md9 : active raid1 sdb[0]\n      9 blocks [2/2]\n      resync = 1% (x/2)\n",
        ],
        footer: "unused devices: <none>\n", read: { text throws(ParseError) in try MDStat.parse(&text).map(\.name) }),
    TableCase(
        name: "drbd", header: "version: 8.4.3\n\n 0: cs:Connected\n",
        rows: [
            (" 1: cs:Connected ro:Primary/Secondary\n    ns:1 nr:2", "1"), (" 2: cs:Unconfigured", "2"),
            (" 30: cs:Connected\n    ns:3", "30"),
        ],
        odd: ["    ns:x", "    ns:\(huge)", "    ns:-1", " 0: cs:Connected", " ?: cs:Connected\n    ns:7"],
        read: { text throws(ParseError) in try DRBDDevice.parse(&text).dropFirst().map { "\($0.number)" } }),
    TableCase(
        name: "xfs stats", rows: [("rw 1 2", "rw=1"), ("dir 3 4", "dir=3"), ("ig 5 6", "ig=5")],
        odd: ["abt x", "abt \(huge)", "abt -1", "abt 1?2"],
        read: { text throws(ParseError) in
            let stats = try XFSStats.parse(&text)
            let lines: [(String, XFSStats.Line)] = [("rw", .readWrite), ("dir", .directory), ("ig", .inode)]
            return lines.compactMap { name, line in stats[line, 0].map { "\(name)=\($0)" } }
        }),
    TableCase(
        name: "commit_stats",
        rows: [("commits 3", ".commits=3"), ("last_commit_ms 10", ".last_commit_ms=10"), ("x 32", ".x=32")],
        odd: ["total_commit_ms", "total_commit_ms x", "total_commit_ms 1 2"],
        read: { text throws(ParseError) in keys(try VMStat.parse(&text)) }),
    TableCase(
        name: "bcachefs table", header: "type compressed uncompressed\n",
        rows: [("lz4 200M 400M", "lz4"), ("zstd: 1 2", "zstd"), ("gzip 1k 2k", "gzip")],
        odd: ["odd", "odd 1", "odd x 2"],
        read: { text throws(ParseError) in try BcachefsTable.parse(&text).map(\.name) }),
    TableCase(
        name: "bcachefs errors", rows: [("a 1 2", "a"), ("b 2", "b"), ("c 3 4", "c")],
        odd: ["odd", "odd x", "odd -1", "odd \(huge)", "odd 1?2"],
        read: { text throws(ParseError) in try BcachefsErrors.parse(&text).map(\.kind) }),
    TableCase(
        name: "bcachefs io", header: "read:\n",
        rows: [("sb : 1", "sb"), ("journal : 2", "journal"), ("btree : 3", "btree")],
        odd: ["odd : x", "odd : -1", "odd : \(huge)", "odd : 1?2"],
        read: { text throws(ParseError) in try BcachefsDeviceIO.parse(&text).map(\.name) }),
    TableCase(
        name: "writeback_rate_debug", rows: [("rate: 1M/sec", "1048576"), ("target: 2", "2"), ("change: 3/sec", "3")],
        odd: ["integral", "integral: x", "integral: \(huge)"],
        read: { text throws(ParseError) in
            let writeback = try BcacheWriteback.parse(&text)
            return ["rate", "target", "change"].compactMap { writeback[$0].map { "\(Int($0))" } }
        }),
    TableCase(
        name: "kstat", header: "1 2 3\nname type data\n", rows: [("a 4 1", "a"), ("b 3 -2", "b"), ("c 4 3", "c")],
        odd: ["odd", "odd 4", "odd 4 x", "odd 4 \(huge)", "odd 4 1?2", "odd 3 -1?2"],
        read: { text throws(ParseError) in
            let fields = try KStat.parse(&text).fields
            return fields.fields.map { fields.name(of: $0) }
        }),
    TableCase(
        name: "rpc/nfsd", rows: [("net 1 2 3 4", "1"), ("rc 5 6 7", "5"), ("io 8 9", "8")],
        odd: ["rpc 1", "rpc 1 2 x", "proc3 5 1 2", "rpc 1 2 \(huge)", "rpc -1 2 3", "rpc 1 2?5 3"],
        read: { text throws(ParseError) in
            let stats = try RPCStats.parse(&text)
            return [stats[.net, 0], stats[.rc, 0], stats[.io, 0]].map { "\($0)" }
        }),
]

private let processTables: [TableCase] = [
    TableCase(
        name: "limits", header: "Limit Soft Hard Units\n",
        rows: [
            ("Max cpu time 1 2 seconds", "1"), ("Max open files 3 4 files", "3"), ("Max nice priority 5 6", "5"),
        ],
        odd: [
            "Max stack size x y", "Max stack size 1", "odd", "Max stack size \(huge) 1", "Max stack size -1 1",
            "Max stack size 1 2?3",
        ],
        read: { text throws(ParseError) in
            let limits = try ProcessLimits.parse(&text)
            return [limits[.cpuTime], limits[.openFiles], limits[.niceOf]].compactMap { $0.map { "\($0.soft)" } }
        }),
    TableCase(
        name: "status",
        rows: [("VmRSS: 1 kB", "1024"), ("VmSwap: 2 kB", "2048"), ("voluntary_ctxt_switches: 3", "3")],
        odd: ["VmLck: x kB", "VmLck: 1 MB", "VmLck: \(huge) kB", "VmLck: -1 kB", "ShdPnd: xyz", "ShdPnd: 1?"],
        read: { text throws(ParseError) in
            let status = try ProcessStatus.parse(&text)
            return [status.residentBytes, status.swapBytes, status.voluntarySwitches].map { "\($0)" }
        }),
    TableCase(
        name: "cpu.stat", rows: [("usage_usec 1", "1"), ("user_usec 2", "2"), ("system_usec 3", "3")],
        odd: ["nr_periods", "nr_periods x", "nr_periods \(huge)", "nr_periods -1", "nr_periods 1?2"],
        read: { text throws(ParseError) in
            var values: [UInt64?] = []
            try FlatKeyed.parse(&text, ["usage_usec", "user_usec", "system_usec", "nr_periods"], into: &values)
            return values.compactMap { $0.map { "\($0)" } }
        }),
    TableCase(
        name: "io.stat",
        rows: [("8:0 rbytes=1 wbytes=0", "0"), ("8:16 rbytes=1", "16"), ("8:32 rios=1", "32")],
        odd: [
            "rbytes=1", "8:48 rbytes=x", "8:48 rbytes=\(huge)", "8:48 rbytes=-1", "8 rbytes=1", "x", "8:48 rbytes=1?",
        ],
        read: { text throws(ParseError) in
            var devices: [CgroupIO] = []
            try CgroupIO.parse(&text, into: &devices)
            return devices.map { "\($0.minor)" }
        }),
    TableCase(
        name: "cpuinfo",
        rows: [("processor : 0\ncore id : 1", "0/1"), ("processor : 1\ncore id : 2", "1/2"), ("processor : 2", "2/")],
        odd: ["no colon"],
        read: { text throws(ParseError) in
            try CPUInfo.parse(&text).processors.map { "\($0.processor)/\($0.core)" }
        }),
    TableCase(
        name: "udev", rows: [("E:A=1", "A=1"), ("S:x", "S"), ("E:B=2", "B=2")], odd: ["E:odd", "E:=1"],
        read: { text throws(ParseError) in
            let data = try UdevData.parse(&text)
            return ["A=\(data["A"])", "S", "B=\(data["B"])"]
        }),
]

@Suite struct TableRowTests {
    static let tables = netTables + systemTables + diskTables + processTables
    /// Whose headers here hold rows of their own, that are read.
    static let withRowsInHeader: Set = ["zoneinfo", "mdstat", "drbd", "net/ip_vs", "bcachefs io"]

    private func read(_ table: TableCase, _ rows: [String]) throws -> (keys: [String], tally: RowTally) {
        var cursor = ByteCursor(table.header + rows.map { "\($0)\n" }.joined() + table.footer)
        let keys = try table.read(&cursor)
        return (keys, cursor.rows)
    }

    /// All keys; some tables give several for a row.
    private func expected(_ table: TableCase) -> [String] {
        table.rows.flatMap { $0.key.split(separator: " ").map(String.init) }
    }

    @Test(arguments: tables) func theRowsAreRead(table: TableCase) throws {
        let (keys, tally) = try read(table, table.rows.map(\.text))
        #expect(keys == expected(table))
        #expect(tally.skipped == 0, "\(String(describing: tally.firstProblem))")
    }

    @Test(arguments: tables) func anOddRowCostsItselfWhereverItStands(table: TableCase) throws {
        for odd in table.odd {
            for place in 0...table.rows.count {
                var rows = table.rows.map(\.text)
                rows.insert(odd, at: place)
                let (keys, tally) = try read(table, rows)
                #expect(keys == expected(table), "\(odd), at \(place)")
                #expect(tally.skipped == 1, "\(odd), at \(place): \(String(describing: tally.firstProblem))")
                let before = (table.header + rows[..<place].map { "\($0)\n" }.joined()).count { $0 == "\n" }
                let lines = before + 1...before + 3
                #expect(tally.firstProblem.map { lines.contains($0.line) } == true, "\(odd), at \(place)")
            }
        }
    }

    @Test(arguments: tables) func anEmptyLineCostsNothing(table: TableCase) throws {
        for place in 0...table.rows.count {
            var rows = table.rows.map(\.text)
            rows.insert("", at: place)
            let (keys, tally) = try read(table, rows)
            // Where lines do not say which CPU they are for, they are counted, and an empty one is none.
            #expect(keys == expected(table), "at \(place)")
            #expect(tally.skipped == 0, "at \(place): \(String(describing: tally.firstProblem))")
        }
    }

    /// A table of which nothing can be read is an error of its file.
    @Test(arguments: tables.filter { !withRowsInHeader.contains($0.name) })
    func oddRowsAloneAreAnError(table: TableCase) throws {
        for odd in table.odd {
            var cursor = ByteCursor(table.header + "\(odd)\n")
            #expect(throws: KernelFileError.self, "\(odd)") { try cursor.value(of: "file", table.read) }
        }
    }

    /// But in ip_vs: what is no server is a service there, and hides the servers of the one before.
    @Test(arguments: tables.filter { $0.name != "net/ip_vs" })
    func aRowCutInTwoCostsNoOther(table: TableCase) throws {
        // Neighbours are compared as sets: the halves may be rows of their own.
        let odd = table.odd[0]
        for place in 0...table.rows.count {
            for cut in [1, odd.count / 2] {
                var rows = table.rows.map(\.text)
                rows.insert("\(odd.prefix(cut))\n\(odd.dropFirst(cut))", at: place)
                #expect(Set(try read(table, rows).keys).isSuperset(of: expected(table)), "\(odd), at \(place)")
            }
        }
    }

    // MARK: What stands around the rows

    private func odd<Value>(
        _ text: String, _ parse: (inout ByteCursor) throws(ParseError) -> Value
    ) throws -> (value: Value, skipped: Int) {
        var cursor = ByteCursor(text)
        let value = try parse(&cursor)
        return (value, cursor.rows.skipped)
    }

    @Test func anOddLineAmongTheHeadingsOfInterfacesCostsItself() throws {
        let row = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"
        for heading in [
            "odd\nInter-| Receive\n face |bytes\n", "Inter-| Receive\nodd\n face |bytes\n", "odd\n face |bytes\n",
        ] {
            // A name may have a bar.
            let read = try odd("\(heading)  lo: \(row)\n a|b: \(row)\n", NetDev.parse)
            #expect(read.value.map(\.name) == ["lo", "a|b"] && read.skipped == 1, "\(heading)")
        }
        #expect(try odd("Inter-| Receive\n face |bytes\n", NetDev.parse).value == [])
        #expect(throws: ParseError.self) { try odd("", NetDev.parse) }
    }

    @Test func anEmptyLineBetweenNamesAndNumbersCostsNothing() throws {
        let read = try odd("Ip: A B\n\nIp: 1 2\nTcp: C\n\n\nTcp: 3\n", NetSNMP.parse)
        #expect(keys(read.value) == ["Ip.A=1", "Ip.B=2", "Tcp.C=3"] && read.skipped == 0)
    }

    /// What belongs to a device whose first line cannot be read is not that of the one before.
    @Test func anOddDeviceOfDRBDLeavesTheOneBeforeAlone() throws {
        let text = "version: 8.4.3\n\n 0: cs:Connected\n    ns:1 nr:2\n ?: cs:Unknown\n    ns:7 nr:8\n"
        let read = try odd(text + " 2: cs:Connected\n    ns:3 nr:4\n", DRBDDevice.parse)
        #expect(read.value.map(\.number) == [0, 2] && read.skipped == 1)
        #expect(read.value.map(\.connection) == ["Connected", "Connected"])
        let sent = try #require(DRBDDevice.counterNames.firstIndex(of: "ns"))
        #expect(read.value.map { $0.counters[sent] } == [1, 3])
    }

    /// A file that holds nothing else is an error then.
    @Test func aNumberEndsWhereItsWordEnds() throws {
        #expect(throws: ParseError.self) { try odd("0.20? 0.18 0.12 1/80 1\n", LoadAverage.parse) }
        #expect(throws: ParseError.self) { try odd("992 0? 100\n", FileNR.parse) }
        #expect(throws: ParseError.self) { try odd("12?3\n", SingleNumber.parse) }
        #expect(throws: ParseError.self) { try odd("12?3\n", CgroupLimit.parse) }
        #expect(throws: ParseError.self) { try odd("1 2\nnread reads\n1 2?3\n", KStatIO.parse) }
        #expect(try odd("12", SingleNumber.parse).value == 12)
    }

    /// collectd/collectd#1189 and #971: a row without numbers costs nothing, and is nothing that is missing.
    @Test func interruptsThatAreNotCountedByCPUAreNoOddRows() throws {
        let read = try odd("  CPU0 CPU1\n1: 2 3 x\nFIQ:              usb_fiq\nERR: 0\nMIS:\n", InterruptTable.parse)
        #expect(read.value.rows.count == 1 && read.skipped == 0)
    }

    @Test func queuesWithoutEndDoNotOverflow() throws {
        let row = "   0: 0100007F:0016 00000000:0000 0A FFFFFFFFFFFFFFFF:FFFFFFFFFFFFFFFF 00:0 0 0 0 1\n"
        let sockets = try odd("  sl  local_address rem_address\n" + row + row, TCPSockets.parse).value
        #expect((sockets + sockets).counts == sockets.counts.map { 2 * $0 })
    }
}
