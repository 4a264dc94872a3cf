// The labels of a PCI device that are names for people. From pci.ids, which is read when the devices are others.

internal import Bytes
internal import Procfs

/// Looks names up; without the file, or without a name in it, the number stands for it.
struct PCINames {
    /// Where distributions have it.
    private static let paths = ["/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"]

    /// The numbers that devices give, as text: `0x8086`.
    struct Identity {
        let baseClass: String
        let vendor: String
        let device: String
        let subvendor: String
        let subdevice: String
    }

    struct Labels {
        let className: String
        let vendor: String
        let device: String
        let subvendor: String
        let subdevice: String
    }

    private let paths: [String]

    /// An empty path stands for those of the distributions.
    init(path: String) { paths = path.isEmpty ? Self.paths : [path] }

    func labels(of identities: [Identity], _ problem: inout FirstProblem) -> [Labels] {
        let numbers = identities.map(Numbers.init)
        let wanted = Set(numbers.flatMap(\.wanted))
        let found = problem.noted { () throws(KernelFileError) in try self.names(of: wanted) }
        let names = found ?? [:]
        return zip(identities, numbers).map { identity, numbers in
            let className = numbers.classes.lazy.compactMap { names[$0] }.first
            return Labels(
                className: className ?? "Unknown class (\(Self.bare(identity.baseClass)))",
                vendor: names[numbers.vendor] ?? Self.bare(identity.vendor),
                device: names[numbers.device] ?? Self.bare(identity.device),
                subvendor: names[numbers.subvendor] ?? Self.bare(identity.subvendor),
                subdevice: names[numbers.subdevice] ?? Self.bare(identity.subdevice))
        }
    }

    private func names(of wanted: Set<PCIName>) throws(KernelFileError) -> [PCIName: String] {
        for path in paths {
            let names = try KernelFile(path, keepsOpen: false).read { cursor throws(ParseError) in
                try PCIIDs.parse(&cursor, wanted: wanted)
            }
            if let names { return names }
        }
        return [:]
    }

    private static func bare(_ number: String) -> String {
        number.hasPrefix("0x") ? String(number.dropFirst(2)) : number
    }

    private struct Numbers {
        /// The most exact first.
        let classes: [PCIName]
        let vendor, device, subvendor, subdevice: PCIName

        var wanted: [PCIName] { classes + [vendor, device, subvendor, subdevice] }

        init(_ identity: Identity) {
            func number(_ text: String) -> UInt64 { UInt64(PCINames.bare(text), radix: 16) ?? .max }
            let code = number(identity.baseClass)
            let (base, sub, interface) = (code >> 16, code >> 8 & 0xff, code & 0xff)
            classes = [.interface(base, sub, interface), .subclass(base, sub), .baseClass(base)]
            let (vendorNumber, deviceNumber) = (number(identity.vendor), number(identity.device))
            vendor = .vendor(vendorNumber)
            device = .device(vendor: vendorNumber, deviceNumber)
            subvendor = .vendor(number(identity.subvendor))
            subdevice = .subsystem(
                vendor: vendorNumber, device: deviceNumber, subvendor: number(identity.subvendor),
                number(identity.subdevice))
        }
    }
}
