// Which EC2 instance this host is, from what lies on it: nobody waits for the network to learn a name.
//
// Nitro instances have their id in the table of the firmware, and cloud-init keeps it on every instance that it has set
// up:
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/identify_ec2_instances.html
// https://cloudinit.readthedocs.io/en/latest/reference/base_config_reference.html

/// `i-` and 8 or 17 hexadecimal digits; nil on a host that is none, or does not know it.
package func hostInstanceID(root: String = "") -> String? {
    let places = ["/sys/devices/virtual/dmi/id/board_asset_tag", "/var/lib/cloud/data/instance-id"]
    for place in places {
        do throws(Errno) {
            if let id = instanceID(in: try readWhole(root + place)) { return id }
        } catch { continue }
    }
    return nil
}

/// Other clouds have other words there.
func instanceID(in text: [UInt8]) -> String? {
    let word = text.prefix { $0 > 0x20 }
    let digits = word.dropFirst(2)
    let isHexadecimal = digits.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
    }
    guard word.starts(with: "i-".utf8), [8, 17].contains(digits.count), isHexadecimal else { return nil }
    return String(decoding: word, as: UTF8.self)
}
