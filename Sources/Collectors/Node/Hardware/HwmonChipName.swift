// How a chip of /sys/class/hwmon is called in the label `chip`.

internal import Bytes
internal import Platform
internal import Procfs

/// Where a chip is, and what there is to call it by.
struct HwmonChipName {
    let path: String
    /// The chip's place among the devices, which stays when drivers are loaded in another order: `platform_coretemp_0`.
    /// A chip without a device has its own name, else that of its directory.
    let base: String
    /// What the driver calls it, cleaned; nil when it does not tell.
    let driverName: String?
    /// `hwmon3`: no other chip has it, but it may be another one after the next boot.
    private let directory: String

    init(directory: String, at path: String) throws(KernelFileError) {
        self.path = path
        self.directory = HwmonName.cleaned(directory)
        let name = HwmonName.cleaned(try Attribute("\(path)/name").text() ?? "")
        driverName = name.isEmpty ? nil : name
        base = Self.place(ofDevice: "\(path)/device") ?? driverName ?? self.directory
    }

    /// The end of the path of a device, to which `path` leads. nil without one: a virtual chip.
    private static func place(ofDevice path: String) -> String? {
        do throws(Errno) {
            let words = try realPath(Path(path)).components.suffix(2)
            let cleaned = words.map { HwmonName.cleaned($0.repaired) }
            guard let last = cleaned.last, !last.isEmpty else { return nil }
            return cleaned.filter { !$0.isEmpty }.joined(separator: "_")
        } catch { return nil }
    }

    /// A label for each chip, no two of them the same. One device may have several chips (asus-nb-wmi, radios of
    /// mt7996): all of these get their driver's name behind the base, and those whose names do not tell them apart get
    /// that of their directory.
    static func labels(of chips: [HwmonChipName]) -> [String] {
        var labels = chips.map(\.base)
        distinguish(&labels, chips) { "\($0.base)_\($0.driverName ?? $0.directory)" }
        distinguish(&labels, chips) { "\($0.base)_\($0.directory)" }
        return labels
    }

    /// Gives another label to each that is not alone with its own.
    private static func distinguish(
        _ labels: inout [String], _ chips: [HwmonChipName], by other: (HwmonChipName) -> String
    ) {
        var counts: [String: Int] = [:]
        for label in labels { counts[label, default: 0] += 1 }
        for (index, label) in labels.enumerated() where counts[label, default: 0] > 1 {
            labels[index] = other(chips[index])
        }
    }
}
