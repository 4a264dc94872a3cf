// /proc/drbd: replicated block devices of DRBD 8; that of DRBD 9 has the version only. See the chapter about /proc/drbd
// in the DRBD 8.4 User's Guide, and drbd_seq_show in drivers/block/drbd/drbd_proc.c.
//
//     version: 8.4.3 (api:1/proto:86-101)
//     srcversion: 1A9F77B1CA5FF92235C2213
//
//      1: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----
//         ns:17324442 nr:10961011 dw:28263041 dr:118916 al:5121 bm:10968 lo:0 pe:0 ua:0 ap:0 ep:1 wo:d oos:0
//      2: cs:Unconfigured
//
// While it synchronises there are lines of progress. ns, nr, dw, dr and oos are in KiB.

package import Bytes

package struct DRBDDevice: Sendable, Equatable {
    package static let counterNames = ["ns", "nr", "dw", "dr", "al", "bm", "lo", "pe", "ua", "ap", "ep", "oos"]

    package var number: UInt64
    /// `Connected`, `WFConnection`, `Unconfigured` …
    package var connection = ""
    /// Of this node and of the other: `Primary`, `Secondary`, `Unknown`. Empty when it is not configured.
    package var roles: [String] = []
    /// Of this node and of the other: `UpToDate`, `Inconsistent` …
    package var diskStates: [String] = []
    /// In the order of `counterNames`; nil for those that are not there.
    package var counters = [UInt64?](repeating: nil, count: counterNames.count)

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> [DRBDDevice] {
        guard text.skip("version:") else { throw text.error("version: …") }
        text.skipToNextLine()
        var devices: [DRBDDevice] = []
        // Whether the lines that follow belong to the last of `devices`.
        var isInDevice = false
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                text.skipSpaces()
                if Self.isHeading(text) {
                    isInDevice = false
                    guard let number = text.unsigned(), text.skip(": ") else { throw text.error("<device>: cs:…") }
                    guard devices.last.map({ $0.number < number }) ?? true else {
                        throw text.error("devices in ascending order")
                    }
                    var device = DRBDDevice(number: number)
                    try device.readFields(&text)
                    devices.append(device)
                    isInDevice = true
                } else if isInDevice {
                    try devices[devices.count - 1].readFields(&text)
                }
            }
        }
        return devices
    }

    /// The first line of a device: what follows its number begins with the state of the connection.
    private static func isHeading(_ text: ByteCursor) -> Bool {
        var ahead = text
        guard ahead.upTo(UInt8(ascii: ":")) != nil else { return false }
        ahead.skipSpaces()
        return ahead.begins(with: "cs:")
    }

    private mutating func readFields(_ text: inout ByteCursor) throws(ParseError) {
        while !text.isAtLineEnd {
            try readField(&text)
            _ = text.word()
            text.skipSpaces()
        }
    }

    /// Takes what is at the cursor when it is `<name>:<value>` with a name that we know.
    private mutating func readField(_ text: inout ByteCursor) throws(ParseError) {
        if text.skip("cs:") {
            connection = text.text(text.word())
        } else if text.skip("ro:") {
            roles = Self.pair(&text)
        } else if text.skip("ds:") {
            diskStates = Self.pair(&text)
        } else {
            let word = text.word()
            guard let colon = text.bytes[word].firstIndex(of: UInt8(ascii: ":")),
                let index = Self.counterNames.firstIndex(where: {
                    text.bytes[word.lowerBound..<colon].elementsEqual($0.utf8)
                })
            else { return }
            var value = ByteCursor(text.text(colon + 1..<word.upperBound))
            guard let number = value.unsigned(), value.isAtEnd else {
                throw text.error("\(Self.counterNames[index]):<number>")
            }
            counters[index] = number
        }
    }

    /// `Primary/Secondary`
    private static func pair(_ text: inout ByteCursor) -> [String] {
        let word = text.word()
        return text.bytes[word].split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
    }
}
