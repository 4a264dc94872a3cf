// A device of /sys/bus/pci/devices: where it is, and which files it has. Documentation/ABI/testing/sysfs-bus-pci.

internal import Bytes
internal import Platform
internal import Procfs

/// A device as it was found when it appeared.
final class PCIDevice {
    /// All that the kernel knows (`pci_power_names`).
    static let powerStates = ["D0", "D1", "D2", "D3hot", "D3cold", "unknown", "error"]

    let place: PCIPlace
    /// The bridge; nil for what is at the root.
    let parent: PCIPlace?
    let identity: PCINames.Identity
    let revision: String
    /// nil where the kernel knows of none.
    let numaNode: Double?
    /// Of the files that were asked for; nil for what the device does not have.
    let figures: [Attribute?]
    let powerState: Attribute?
    /// One list for each of `powerStates`.
    let powerLabels: [[String]]
    /// Of the metric that says what it is: names for people come from a file, for all devices together.
    var infoLabels: [String] = []

    init(at place: PCIPlace, _ path: String, files: [String]) throws(KernelFileError) {
        func text(_ file: String) throws(KernelFileError) -> String { try Attribute("\(path)/\(file)").text() ?? "" }
        self.place = place
        parent = Self.parent(of: path)
        identity = PCINames.Identity(
            baseClass: try text("class"), vendor: try text("vendor"), device: try text("device"),
            subvendor: try text("subsystem_vendor"), subdevice: try text("subsystem_device"))
        revision = try text("revision")
        let node = try Attribute("\(path)/numa_node").numberIfAny()
        numaNode = node == -1 ? nil : node
        figures = files.map { attributeIfThere("\(path)/\($0)") }
        powerState = attributeIfThere("\(path)/power_state")
        powerLabels = Self.powerStates.map { place.labels + [$0] }
    }

    /// A device is a directory in that of its bridge, to which the class has links.
    private static func parent(of path: String) -> PCIPlace? {
        do throws(Errno) {
            let words = try realPath(Path(path)).components
            return words.dropLast().last.flatMap { PCIPlace($0.repaired) }
        } catch { return nil }
    }
}

/// Where a device is: `0000:3b:00.1`. All are hexadecimal digits, as the kernel writes them.
struct PCIPlace {
    let segment: String
    let bus: String
    let device: String
    let function: String
    let labels: [String]

    init(segment: String, bus: String, device: String, function: String) {
        (self.segment, self.bus, self.device, self.function) = (segment, bus, device, function)
        labels = [bus, device, function, segment]
    }

    /// nil for what is no place, such as `pci0000:00`.
    init?(_ name: String) {
        let isSeparator = { (byte: UInt8) in byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".") }
        let parts = name.utf8.split(omittingEmptySubsequences: false, whereSeparator: isSeparator)
        guard parts.count == 4,
            parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy { $0.hexadecimalDigit != nil } })
        else { return nil }
        let words = parts.map { String(Substring($0)) }
        self.init(segment: words[0], bus: words[1], device: words[2], function: words[3])
    }
}
