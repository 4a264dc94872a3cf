// The parsers of hardware: what they make of good files, and of every truncation and random changes of them.

import Bytes
import Platform
import Procfs
import TestSupport
import Testing

@Suite struct HardwareMangledTests {
    private static let sys = "\(Repository.fixtures)/hosts/composed-hardware/sys"

    // MARK: hwmon

    @Test(arguments: [
        ("temp1_input", "temp1", "input"), ("temp1", "temp1", ""),
        ("pwm1_auto_point1_temp", "pwm1", "auto_point1_temp"),
        ("update_interval", "update_interval0", ""), ("beep_enable", "beep_enable0", ""), ("temp", "temp0", ""),
        ("in12_min_alarm", "in12", "min_alarm"), ("pwm_auto2x", "pwm0", "auto2x"), ("fan007_div", "fan7", "div"),
    ]) func hwmonNames(name: String, sensor: String, element: String) throws {
        let parsed = try #require(HwmonName(name))
        #expect(parsed.sensor == sensor && parsed.element == element)
    }

    @Test(arguments: [
        "", "name", "uevent", "temp1x", "temp1_", "1_input", "power_now", "temperature1_input", "fan1input",
        "temp99999999999999999999_input", "_", "temp_", "Temp1_input",
    ]) func noHwmonNames(name: String) { #expect(HwmonName(name) == nil) }

    @Test func hwmonNamesOfNoise() {
        var random = SeededRandom()
        let likely = Array("temp1_input fan2_ pwm in0_cpu-:.9".utf8) + [0xc3, 0xff]
        for _ in 0..<5_000 {
            let bytes = (0..<Int.random(in: 0...14, using: &random)).map { _ in
                likely.randomElement(using: &random) ?? 0
            }
            let name = String(decoding: bytes, as: UTF8.self)
            if let parsed = HwmonName(name) { #expect(name.hasPrefix(parsed.kind.rawValue), "\(name)") }
            let cleaned = HwmonName.cleaned(name)
            #expect(cleaned.utf8.first != UInt8(ascii: "_") && cleaned.utf8.last != UInt8(ascii: "_"), "\(name)")
            #expect(cleaned == HwmonName.cleaned(cleaned), "\(name)")
        }
    }

    @Test(arguments: [
        ("coretemp.0", "coretemp_0"), ("pci0000:00", "pci0000:00"), ("0000:00:18.3", "0000:00:18_3"), ("__", ""),
        ("LNXSYBUS:00", "lnxsybus:00"), ("-Ä b-", "b"), ("", ""),
    ]) func cleans(text: String, cleaned: String) { #expect(HwmonName.cleaned(text) == cleaned) }

    // MARK: CPU vulnerabilities

    @Test(arguments: [
        ("Not affected\n", "not affected", ""), ("Vulnerable\n", "vulnerable", ""),
        ("Vulnerable: No microcode\n", "vulnerable", "No microcode"),
        ("Vulnerable; SMT vulnerable\n", "vulnerable", "SMT vulnerable"),
        ("Vulnerable, IBPB: disabled, STIBP: disabled\n", "vulnerable", "IBPB: disabled, STIBP: disabled"),
        ("Vulnerable (Processor vulnerable)\n", "vulnerable", "(Processor vulnerable)"),
        ("Mitigation: PTI", "mitigation", "PTI"),
        ("MITIGATION: Clear Register File", "mitigation", "Clear Register File"),
        (
            "Mitigation: Retpolines; IBPB: conditional; STIBP: always-on; PBRSB-eIBRS: Not affected", "mitigation",
            "Retpolines; IBPB: conditional; STIBP: always-on; PBRSB-eIBRS: Not affected"
        ),
        ("KVM: Mitigation: VMX disabled", "unknown", "KVM: Mitigation: VMX disabled"),
        ("Unknown: No mitigations\n", "unknown", "No mitigations"),
        ("Mitigations: none\n", "unknown", "Mitigations: none"),
        ("Processor vulnerable", "unknown", "Processor vulnerable"), ("", "unknown", ""), (" \n", "unknown", ""),
    ]) func vulnerabilities(text: String, state: String, mitigation: String) throws {
        var cursor = ByteCursor(text)
        let parsed = try CPUVulnerability.parse(&cursor)
        #expect(parsed.state == state && parsed.mitigation == mitigation)
    }

    @Test func mangledVulnerabilities() throws {
        let directory = "\(Self.sys)/devices/system/cpu/vulnerabilities"
        let texts = try textEntries(directory).sorted().map { try readWhole("\(directory)/\($0)") }
        expectUnbroken("vulnerabilities", texts, CPUVulnerability.parse)
    }

    // MARK: pci.ids

    private static let ids = "\(Repository.fixtures)/hosts/composed-hardware/pci.ids"
    private static let wanted: Set<PCIName> = [
        .vendor(0x8086), .vendor(0x1028), .device(vendor: 0x8086, 0x1521), .device(vendor: 0x1028, 0x1521),
        .subsystem(vendor: 0x8086, device: 0x1521, subvendor: 0x1028, 0x1f60), .baseClass(1), .subclass(1, 8),
        .interface(1, 8, 2), .interface(2, 0, 0), .vendor(0xffff),
    ]

    @Test func pciNames() throws {
        var cursor = ByteCursor(try readWhole(Self.ids))
        #expect(
            try PCIIDs.parse(&cursor, wanted: Self.wanted) == [
                .vendor(0x8086): "Intel Corporation", .vendor(0x1028): "Dell",
                .device(vendor: 0x8086, 0x1521): "I350 Gigabit Network Connection",
                .subsystem(vendor: 0x8086, device: 0x1521, subvendor: 0x1028, 0x1f60): "Gigabit 4P I350-t rNDC",
                .baseClass(1): "Mass storage controller", .subclass(1, 8): "Non-Volatile memory controller",
                .interface(1, 8, 2): "NVM Express",
            ])
    }

    @Test func mangledPCINames() throws {
        expectUnbroken("pci.ids", [try readWhole(Self.ids)]) { cursor throws(ParseError) in
            try PCIIDs.parse(&cursor, wanted: Self.wanted)
        }
    }
}
