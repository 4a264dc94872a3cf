// Every parser of kernel files against Mangled.swift.

import Bytes
import Testing

@testable import Procfs

/// Every parser on every fixture of its file, cut and changed.
@Suite struct MangledTests {
    private func texts(_ path: String) -> [[UInt8]] { Fixtures.hosts.compactMap { Fixtures.bytes($0, path) } }

    /// Reads all that a field list promises.
    private func read(_ list: FieldList) {
        #expect(list.hasLayout(list.layout))
        for field in list.fields { _ = list.group(of: field) + list.name(of: field) }
    }

    @Test func stat() { expectUnbroken("stat", texts("proc/stat"), Stat.parse) }
    @Test func cpuInfo() { expectUnbroken("cpuinfo", texts("proc/cpuinfo"), CPUInfo.parse) }
    @Test func meminfo() { expectUnbroken("meminfo", texts("proc/meminfo"), Meminfo.parse, use: read) }
    @Test func vmstat() { expectUnbroken("vmstat", texts("proc/vmstat"), VMStat.parse, use: read) }
    @Test func netstat() { expectUnbroken("netstat", texts("proc/net/netstat"), NetSNMP.parse, use: read) }
    @Test func snmp() { expectUnbroken("snmp", texts("proc/net/snmp"), NetSNMP.parse, use: read) }
    @Test func snmp6() { expectUnbroken("snmp6", texts("proc/net/snmp6"), NetSNMP6.parse, use: read) }
    @Test func sockstat() { expectUnbroken("sockstat", texts("proc/net/sockstat"), SockStat.parse, use: read) }
    @Test func loadAverage() { expectUnbroken("loadavg", texts("proc/loadavg"), LoadAverage.parse) }
    @Test func fileNR() { expectUnbroken("file-nr", texts("proc/sys/fs/file-nr"), FileNR.parse) }
    @Test func pressure() {
        expectUnbroken("pressure", texts("proc/pressure/io") + texts("proc/pressure/irq"), Pressure.parse)
    }
    @Test func cpuList() {
        expectUnbroken(
            "CPU lists", texts("sys/devices/system/cpu/online") + [Array("0-3,5,8-11\n".utf8)], rounds: 2_000,
            CPUList.parse)
    }
    @Test func singleNumber() {
        expectUnbroken("number", texts("sys/devices/system/cpu/cpu0/topology/physical_package_id"), SingleNumber.parse)
    }
    @Test func words() {
        expectUnbroken(
            "words", texts("sys/devices/system/clocksource/clocksource0/available_clocksource"), Words.parse)
    }
}
