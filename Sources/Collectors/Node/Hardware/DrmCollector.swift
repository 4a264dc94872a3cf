// Graphics cards that are driven by amdgpu: /sys/class/drm/card*/device. See Documentation/gpu/amdgpu/driver-misc.rst
// and thermal.rst beside it.

internal import Bytes
internal import Metrics
internal import Procfs
internal import Settings

struct DrmCollector: Collector {
    static let name = "drm"
    static let isEnabledByDefault = false
    static let metrics = numbers.map(\.descriptor) + [info]

    private static func number(_ file: String, _ name: String, _ help: String) -> NumberMetric {
        NumberMetric(file, "node_drm_\(name)", labels: ["card"], help: help)
    }

    private static let numbers = [
        number("gpu_busy_percent", "gpu_busy_percent", "How busy the card is, in percent."),
        number("mem_info_gtt_total", "memory_gtt_size_bytes", "Main memory that the card may use."),
        number("mem_info_gtt_used", "memory_gtt_used_bytes", "Main memory that the card uses."),
        number("mem_info_vis_vram_total", "memory_vis_vram_size_bytes", "Memory of the card that the CPU can reach."),
        number(
            "mem_info_vis_vram_used", "memory_vis_vram_used_bytes",
            "Memory of the card that the CPU can reach, and that is in use."),
        number("mem_info_vram_total", "memory_vram_size_bytes", "Memory of the card."),
        number("mem_info_vram_used", "memory_vram_used_bytes", "Memory of the card that is in use."),
    ]

    private static let info = MetricDescriptor(
        "node_drm_card_info", .gauge,
        labels: ["card", "memory_vendor", "power_performance_level", "unique_id", "vendor"],
        help: "What a graphics card is; always 1.")

    private struct Card {
        let name: String
        let numbers: DeviceNumbers
        let memoryVendor: Attribute
        let performanceLevel: Attribute
        let uniqueID: Attribute
    }

    private let cards: DeviceList<Card>

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        cards = DeviceList("\(host.sys)/class/drm") { name, path throws(KernelFileError) in
            // Beside the cards are their connectors: card0-DP-1.
            guard numberOfDevice(name, "card") != nil,
                try Attribute("\(path)/device/uevent").value(Self.isAMD) == true
            else { return nil }
            return Card(
                name: name, numbers: DeviceNumbers(Self.numbers, in: "\(path)/device"),
                memoryVendor: Attribute("\(path)/device/mem_info_vram_vendor"),
                performanceLevel: Attribute("\(path)/device/power_dpm_force_performance_level"),
                uniqueID: Attribute("\(path)/device/unique_id"))
        }
    }

    private static func isAMD(_ uevent: inout ByteCursor) throws(ParseError) -> Bool {
        while !uevent.isAtEnd {
            if uevent.skip("DRIVER=amdgpu"), uevent.isAtLineEnd { return true }
            uevent.skipToNextLine()
        }
        return false
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try cards.forEach { card, problem throws(KernelFileError) in
            func text(_ attribute: Attribute) -> String {
                problem.text(attribute) ?? ""
            }
            card.numbers.add(card.name, default: 0, to: &snapshot, &problem)
            snapshot.add(
                Self.info, 1,
                labels: [
                    card.name, text(card.memoryVendor), text(card.performanceLevel), text(card.uniqueID), "amd",
                ])
        }
    }
}
