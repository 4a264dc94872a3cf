// The names of PCI devices: pci.ids of https://pci-ids.ucw.cz, which describes its format at its beginning.
//
//     8086  Intel Corporation
//     →1533  I210 Gigabit Network Connection
//     →→1028 0734  PowerEdge R730xd LOM
//     C 02  Network controller
//     →00  Ethernet controller
//
// where → is a tab.

package import Bytes

/// What has a name in pci.ids.
package enum PCIName: Hashable, Sendable {
    case vendor(UInt64)
    case device(vendor: UInt64, UInt64)
    case subsystem(vendor: UInt64, device: UInt64, subvendor: UInt64, UInt64)
    case baseClass(UInt64)
    case subclass(UInt64, UInt64)
    case interface(UInt64, UInt64, UInt64)
}

package enum PCIIDs {
    /// The names of those that are `wanted`: the whole file has some ten thousand. Lines that are not understood are
    /// passed over.
    package static func parse(
        _ text: inout ByteCursor, wanted: Set<PCIName>
    ) throws(ParseError) -> [PCIName: String] {
        var names: [PCIName: String] = [:]
        var isClass = false
        var first: UInt64 = 0
        var second: UInt64?
        while !text.isAtEnd {
            defer { text.skipToNextLine() }
            var depth = 0
            while text.skip(byte: UInt8(ascii: "\t")) { depth += 1 }
            if depth == 0 {
                isClass = text.skip("C ")
                second = nil
            }
            guard let number = text.hexadecimal() else { continue }
            let name: PCIName
            switch depth {
            case 0:
                first = number
                name = isClass ? .baseClass(number) : .vendor(number)
            case 1:
                second = number
                name = isClass ? .subclass(first, number) : .device(vendor: first, number)
            case 2:
                guard let second else { continue }
                if isClass {
                    name = .interface(first, second, number)
                } else {
                    guard text.skip(byte: UInt8(ascii: " ")), let subdevice = text.hexadecimal() else { continue }
                    name = .subsystem(vendor: first, device: second, subvendor: number, subdevice)
                }
            default: continue
            }
            guard text.skip("  "), wanted.contains(name) else { continue }
            text.skipSpaces()
            names[name] = text.text(text.restOfLine())
        }
        return names
    }
}
