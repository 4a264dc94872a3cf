// udev's data base, one file a device: /run/udev/data/b<major>:<minor> for block devices.
//
//     S:disk/by-id/ata-Samsung_SSD
//     I:1234567
//     E:ID_MODEL=Samsung_SSD
//     E:ID_FS_TYPE=ext4
//     G:systemd
//
// One record a line, known by its first letter; E is a property, as `udevadm info` shows it. The format is udev's own
// and is described only by its source, src/libsystemd/sd-device/device-private.c of systemd.

package import Bytes

/// The properties of one device.
package struct UdevData: Sendable, Equatable {
    private var properties: [String: String] = [:]

    /// A device that udev knows nothing of.
    package init() {}

    /// Empty when udev has not set it.
    package subscript(property: String) -> String { properties[property] ?? "" }

    package func has(_ property: String) -> Bool { properties[property] != nil }

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> UdevData {
        var data = UdevData()
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                guard text.skip("E:") else { return }
                guard let name = text.upTo(UInt8(ascii: "=")), !name.isEmpty else {
                    throw text.error("E:<property>=<value>")
                }
                data.properties[text.text(name)] = text.text(text.restOfLine())
            }
        }
        return data
    }
}
