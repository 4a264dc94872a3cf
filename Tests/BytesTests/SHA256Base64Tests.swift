import Foundation
import TestSupport
import Testing

@testable import Bytes

private func hex(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }

@Suite struct SHA256Tests {
    /// FIPS 180-2, appendix B, and the empty message.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            String(repeating: "a", count: 1_000_000),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        ),
    ]) func hashes(message: String, expected: String) {
        #expect(hex(sha256(Array(message.utf8))) == expected)
    }

    /// Every length around the ends of blocks, against coreutils.
    @Test func agreesWithCoreutils() throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        var expected = ""
        for count in 0...130 {
            let text = String(repeating: "x", count: count)
            try directory.write("\(count)", text)
            expected += hex(sha256(Array(text.utf8))) + "  \(count)\n"
        }
        let sums = try directory.write("sums", expected)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["sha256sum", "--check", "--strict", "--quiet", sums]
        process.currentDirectoryURL = URL(fileURLWithPath: directory.path)
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }
}

@Suite struct Base64Tests {
    /// RFC 4648, section 10.
    @Test(arguments: ["", "f", "fo", "foo", "foob", "fooba", "foobar"]) func decodes(text: String) {
        let encoded = Data(text.utf8).base64EncodedString()
        #expect(decodeBase64(encoded.utf8) == Array(text.utf8))
        #expect(decodeBase64(encoded.utf8.filter { $0 != UInt8(ascii: "=") }) == Array(text.utf8))
    }

    @Test(arguments: ["Z", "Zg===", "Z===", "=", "Zm9v Zg", "Zm9v\n", "Zm-_", "Zg=a", "é"]) func rejects(text: String) {
        #expect(decodeBase64(text.utf8) == nil)
    }

    @Test func decodesWhatFoundationEncodes() {
        var random = SeededRandom()
        for _ in 0..<500 {
            let bytes = random.bytes(0...200)
            #expect(decodeBase64(Data(bytes).base64EncodedString().utf8) == bytes)
        }
    }
}
