// Names of the attributes of hwmon chips: Documentation/hwmon/sysfs-interface.rst.
//
//     temp1_input  fan2_min_alarm  pwm1  in0_beep  intrusion0_alarm  update_interval

/// The name of an attribute, taken apart: `temp1_crit_alarm` is the element `crit_alarm` of the sensor `temp1`.
package struct HwmonName: Equatable, Sendable {
    /// What a chip may have. Their devices have other files beside these.
    package enum Kind: String, Sendable {
        case regulator = "vrm"
        case beepEnable = "beep_enable"
        case updateInterval = "update_interval"
        case voltage = "in"
        case cpuVoltage = "cpu"
        case fan, pwm
        case temperature = "temp"
        case current = "curr"
        case power, energy, humidity, intrusion
        case frequency = "freq"
    }

    package let kind: Kind
    /// 0 for what has none, such as `update_interval`.
    package let number: Int
    /// `input`; empty for an attribute that is the sensor itself, such as `pwm1`.
    package let element: String

    package var sensor: String { "\(kind.rawValue)\(number)" }

    /// nil for what is no attribute of a sensor, such as `name` or `uevent`.
    package init?(_ name: String) {
        let isDigit = { (byte: UInt8) in byte &- UInt8(ascii: "0") <= 9 }
        let kindText = String(Substring(name.utf8.prefix { !isDigit($0) }))
        let tail = name.utf8.dropFirst(kindText.utf8.count)
        let digits = String(Substring(tail.prefix(while: isDigit)))
        let rest = Substring(tail.drop(while: isDigit))
        if rest.isEmpty || rest.utf8.first == UInt8(ascii: "_") && rest.utf8.count > 1 {
            guard let kind = Kind(rawValue: kindText), let number = digits.isEmpty ? 0 : Int(digits) else { return nil }
            (self.kind, self.number, element) = (kind, number, String(rest.dropFirst()))
        } else {
            // Digits in the midst of a word: `pwm_auto2x` has none for the sensor.
            guard let underscore = kindText.utf8.lastIndex(of: UInt8(ascii: "_")),
                let kind = Kind(rawValue: String(kindText[..<underscore]))
            else { return nil }
            (self.kind, number, element) = (kind, 0, String(name.dropFirst(kind.rawValue.count + 1)))
        }
    }

    /// A text as a part of a label or a metric: small letters, digits, `:` and `_` in place of all else, none of these
    /// at its ends. `coretemp.0` is `coretemp_0`.
    package static func cleaned(_ text: String) -> String {
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            switch scalar {
            case "a"..."z", "0"..."9", ":": bytes.append(UInt8(scalar.value))
            case "A"..."Z": bytes.append(UInt8(scalar.value) | 0x20)
            default: bytes.append(UInt8(ascii: "_"))
            }
        }
        let underscore = UInt8(ascii: "_")
        let cleaned = bytes.drop { $0 == underscore }
        let end = cleaned.lastIndex { $0 != underscore }.map { $0 + 1 } ?? cleaned.endIndex
        return String(decoding: cleaned[..<end], as: UTF8.self)
    }
}
