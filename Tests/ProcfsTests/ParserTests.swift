// What the parsers of kernel files make of the fixture hosts, and which errors they name.

import Bytes
import Testing

@testable import Procfs

private func parsed<Value>(
    _ text: String, _ parse: (inout ByteCursor) throws(ParseError) -> Value
) throws(ParseError) -> Value {
    try wholeValue(text, parse)
}

@Suite struct StatTests {
    @Test func capturedHost() throws {
        var text = try Fixtures.cursor("composed-x86-8cpu", "proc/stat")
        let stat = try Stat.parse(&text)
        #expect(stat.cpus.map(\.cpu) == [0, 1, 2, 3, 4, 6, 7])
        #expect(
            stat.cpus[1]
                == CPUTimes(
                    cpu: 1, user: 10_111, nice: 21, system: 3_007, idle: 901_000, iowait: 401, irq: 1, softirq: 51,
                    steal: 2, guest: 31, guestNice: 0))
        #expect(stat.interrupts == 8_885_917)
        #expect(stat.contextSwitches == 38_014_093)
        #expect(stat.bootUnixSeconds == 1_418_183_276)
        #expect(stat.processes == 26_442)
        #expect(stat.running == 2)
        #expect(stat.blocked == 1)
        #expect(stat.softirqs == [250_191, 1_481_983, 1_647, 211_099, 186_066, 0, 1_783_454, 622_196, 12_499, 508_444])
    }

    @Test func fewColumnsOfAnOldKernel() throws {
        var text = try Fixtures.cursor("old-kernel", "proc/stat")
        let stat = try Stat.parse(&text)
        #expect(
            stat.cpus == [
                CPUTimes(cpu: 0, user: 301, nice: 10, system: 200, idle: 4_000, iowait: 5, irq: 1, softirq: 2)
            ])
        #expect(stat.softirqs.isEmpty)
    }

    @Test func errorsNameTheLine() {
        #expect(throws: ParseError(line: 2, expected: "cpu<N> <user> <nice> <system> <idle>… in ticks")) {
            try parsed("cpu  1 2 3 4\ncpu0 1 2 x\n", Stat.parse)
        }
        #expect(throws: ParseError(line: 1, expected: "a CPU's number")) {
            try parsed("cpu99999999 1 2 3 4\n", Stat.parse)
        }
        #expect(throws: ParseError(line: 3, expected: "CPUs in ascending order")) {
            try parsed("cpu  1 2 3 4\ncpu1 1 2 3 4\ncpu1 1 2 3 4\n", Stat.parse)
        }
        #expect(throws: ParseError.self) { try parsed("", Stat.parse) }
    }
}

@Suite struct FieldListTests {
    @Test func meminfo() throws {
        var text = try Fixtures.cursor("composed-x86-8cpu", "proc/meminfo")
        let memory = try Meminfo.parse(&text)
        #expect(memory["MemTotal"] == 67_422_347_264)
        #expect(memory["Active(anon)"] == 4_219_236_352)
        #expect(memory["HugePages_Total"] == 512)
        #expect(memory.fields.first { memory.name(of: $0) == "HugePages_Total" }?.isBytes == false)
        #expect(memory.fields.count == 58)
        #expect(throws: ParseError(line: 2, expected: "<name>: <number>")) {
            try parsed("MemTotal: 1 kB\nMemFree: kB\n", Meminfo.parse)
        }
        #expect(throws: ParseError(line: 1, expected: "kB or the end of the line")) {
            try parsed("MemTotal: 1 MB\n", Meminfo.parse)
        }
    }

    @Test func vmstat() throws {
        var text = try Fixtures.cursor("debian12-6.18-vm", "proc/vmstat")
        let counters = try VMStat.parse(&text)
        #expect(counters["oom_kill"] == 0)
        #expect(counters["nr_memmap_boot_pages"] == 98_304)
        #expect(throws: ParseError(line: 1, expected: "<name> <number>")) { try parsed("pgpgin\n", VMStat.parse) }
    }

    @Test func snmp() throws {
        var text = try Fixtures.cursor("composed-x86-8cpu", "proc/net/snmp")
        let counters = try NetSNMP.parse(&text)
        #expect(counters["Tcp", "MaxConn"] == -1)
        #expect(counters["Tcp", "InCsumErrors"] == 0)
        #expect(counters["Udp", "NoPorts"] == 120)
        #expect(counters["IcmpMsg", "OutType3"] == 120)
    }

    @Test func snmpLinesMustBelongTogether() {
        #expect(throws: ParseError.self) { try parsed("Ip: A B\nTcp: 1 2\n", NetSNMP.parse) }
        #expect(throws: ParseError.self) { try parsed("Ip: A B\nIp: 1\n", NetSNMP.parse) }
        #expect(throws: ParseError.self) { try parsed("Ip: A\nIp: 1 2\n", NetSNMP.parse) }
        #expect(throws: ParseError.self) { try parsed("Ip: A\n", NetSNMP.parse) }
    }

    @Test func snmp6() throws {
        let counters = try parsed("Ip6InOctets   \t460\nUdpLite6InErrors\t1\nIcmp6OutType143\t4\n", NetSNMP6.parse)
        #expect(counters["Ip6", "InOctets"] == 460)
        #expect(counters["UdpLite6", "InErrors"] == 1)
        #expect(counters["Icmp6", "OutType143"] == 4)
    }

    @Test func sockstat() throws {
        var text = try Fixtures.cursor("composed-x86-8cpu", "proc/net/sockstat")
        let sockets = try SockStat.parse(&text)
        #expect(sockets["sockets", "used"] == 229)
        #expect(sockets["TCP", "mem"] == 2)
        #expect(sockets["FRAG", "memory"] == 4_096)
    }

    @Test func layoutTellsNamesOrderAndUnits() throws {
        let layout = try parsed("A: 1 kB\nB: 2\n", Meminfo.parse).layout
        #expect(try parsed("A: 77 kB\nB: 9\n", Meminfo.parse).hasLayout(layout))
        for other in ["A: 1\nB: 2\n", "B: 2\nA: 1 kB\n", "A: 1 kB\n", "A: 1 kB\nB: 2\nC: 3\n", "A: 1 kB\nBB: 2\n"] {
            #expect(try !parsed(other, Meminfo.parse).hasLayout(layout), "\(other)")
        }
    }
}

@Suite struct SmallFileTests {
    @Test func loadAverage() throws {
        var text = try Fixtures.cursor("composed-x86-8cpu", "proc/loadavg")
        #expect(
            try LoadAverage.parse(&text) == LoadAverage(oneMinute: 12.04, fiveMinutes: 8.3, fifteenMinutes: 104.17))
        #expect(throws: ParseError(line: 1, expected: "<1 min> <5 min> <15 min>")) {
            try parsed("0.1 0.2\n", LoadAverage.parse)
        }
    }

    @Test func fileNR() throws {
        var text = try Fixtures.cursor("composed-x86-8cpu", "proc/sys/fs/file-nr")
        #expect(try FileNR.parse(&text) == FileNR(allocated: 1_024, unused: 0, maximum: 9_223_372_036_854_775_807))
        #expect(throws: ParseError.self) { try parsed("1 2\n", FileNR.parse) }
    }

    @Test func pressure() throws {
        var io = try Fixtures.cursor("composed-x86-8cpu", "proc/pressure/io")
        #expect(
            try Pressure.parse(&io) == Pressure(someMicroseconds: 173_266_395, fullMicroseconds: 159_229_614))
        var irq = try Fixtures.cursor("composed-x86-8cpu", "proc/pressure/irq")
        #expect(try Pressure.parse(&irq) == Pressure(someMicroseconds: nil, fullMicroseconds: 8_494))
        #expect(throws: ParseError(line: 1, expected: "total=<microseconds>")) {
            try parsed("some avg10=0.00\n", Pressure.parse)
        }
    }

    @Test func cpuLists() throws {
        #expect(try parsed("0-3,5,8-9\n", CPUList.parse) == [0, 1, 2, 3, 5, 8, 9])
        #expect(try parsed("\n", CPUList.parse) == [])
        for wrong in ["3-1", "1,1", "0-", "a", "0 1", "0-99999999999"] {
            #expect(throws: ParseError.self, "\(wrong)") { try parsed(wrong, CPUList.parse) }
        }
    }

    @Test func cpuInfo() throws {
        var text = try Fixtures.cursor("composed-x86-8cpu", "proc/cpuinfo")
        let info = try CPUInfo.parse(&text)
        #expect(info.processors.count == 7)
        #expect(
            info.processors[5]
                == .init(
                    processor: "6", vendor: "GenuineIntel", family: "6", model: "85",
                    modelName: "Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz", stepping: "4", microcode: "0x2006a0a",
                    cacheSize: "22528 KB", package: "1", core: "0", frequencyHertz: 2_175_000_000))
        #expect(info.flags == ["fpu", "vme", "de", "pse", "tsc", "msr", "aes", "avx", "avx2", "avx512f"])
        #expect(info.bugs == ["cpu_meltdown", "spectre_v1", "spectre_v2", "mds"])
    }

    @Test func cpuInfoOfARM() throws {
        let info = try parsed(
            "processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\n\nprocessor\t: 1\n"
                + "Features\t: fp\n\nHardware\t: BCM2835\n",
            CPUInfo.parse)
        #expect(info.processors == [.init(processor: "0"), .init(processor: "1")])
        #expect(info.flags == ["fp", "asimd"])
    }

    @Test func words() throws {
        #expect(try parsed("tsc hpet acpi_pm \n", Words.parse) == ["tsc", "hpet", "acpi_pm"])
        #expect(try parsed("\n", Words.parse) == [])
    }
}
