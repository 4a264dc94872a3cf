// What versions before the cursor log wrote: the whole cursor in one file, `<state>/cursors/<input>~<output>.json`.
//
//     {"version":1,"checksum":"9a0c…","route":{"input":"syslog","output":"central"},"cursor":{…}}
//
// The checksum is the Fingerprint, as 16 hexadecimal digits, of all bytes from `"route"` to the end of the cursor. The
// one before was kept as `.old`; between two renames there was only a `.new`.

internal import Bytes

struct CursorFileError: Error { let reason: String }

/// The text of one such file.
struct CursorFile {
    /// In the order of their worth: the file, the next one before its rename, the one before.
    static let suffixes = ["", CursorSuffix.new, CursorSuffix.old]
    /// They were never written larger.
    static let limitBytes = 64 << 20

    private static let head: StaticString = "{\"version\":1,\"checksum\":\""
    private static let middle: StaticString = "\","
    private static let checksumDigits = 16

    let input: String
    let output: String
    let cursor: JSONValue

    init(parsing bytes: [UInt8]) throws(CursorFileError) {
        var text = ByteCursor(bytes)
        guard text.skip(Self.head) else { throw CursorFileError(reason: "not a cursor file of version 1") }
        let bodyStart = text.index + Self.checksumDigits + Self.middle.utf8CodeUnitCount
        guard let checksum = text.hexadecimal(), text.skip(Self.middle), text.index == bodyStart,
            bytes.count >= bodyStart + 2, bytes.suffix(2).elementsEqual("}\n".utf8)
        else { throw CursorFileError(reason: "cut") }
        var fingerprint = Fingerprint()
        fingerprint.add(bytes[bodyStart..<bytes.count - 2])
        guard checksum == fingerprint.value else { throw CursorFileError(reason: "checksum does not match") }
        let value: JSONValue
        do throws(JSONError) { value = try parseJSON(bytes) } catch {
            throw CursorFileError(reason: error.description)
        }
        guard let input = value["route"]?["input"]?.string, let output = value["route"]?["output"]?.string,
            let cursor = value["cursor"]
        else { throw CursorFileError(reason: "has no route or no cursor") }
        self.input = input
        self.output = output
        self.cursor = cursor
    }
}
