// Passwords that are kept as bcrypt hashes, as htpasswd and node_exporter have them. See crypt(5).

internal import CCrypt

/// A hash of the form `$2b$12$`, 22 characters of salt and 31 of hash.
package struct BcryptHash: Sendable, Equatable {
    /// Two to its power rounds: 12 takes a quarter of a second, each more twice as long.
    package static let costs = 4...16

    let text: String
    let cost: Int

    /// Nil when it is no bcrypt hash, or one that would take too long.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 60, bytes.starts(with: "$2".utf8), "aby".utf8.contains(bytes[2]),
            bytes[3] == UInt8(ascii: "$"), bytes[6] == UInt8(ascii: "$"),
            bytes[4] != UInt8(ascii: "+"), let cost = Int(String(decoding: bytes[4..<6], as: UTF8.self)),
            Self.costs.contains(cost), bytes[7...].allSatisfy(Self.isDigit)
        else { return nil }
        self.text = text
        self.cost = cost
    }

    /// The same salt with another cost; what it is the hash of, nobody knows.
    func with(cost: Int) -> BcryptHash {
        var bytes = Array(text.utf8)
        (bytes[4], bytes[5]) = (UInt8(ascii: "0") + UInt8(cost / 10), UInt8(ascii: "0") + UInt8(cost % 10))
        return BcryptHash(text: String(decoding: bytes, as: UTF8.self), cost: cost)
    }

    private init(text: String, cost: Int) {
        self.text = text
        self.cost = cost
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: ".")...UInt8(ascii: "9"): true
        default: false
        }
    }

    /// Takes long, on purpose. `bcryptProblem` must be nil.
    func matches(_ password: [UInt8]) -> Bool {
        // The library stops at a zero byte: what follows would be of no account.
        let isWhole = !password.contains(0)
        let text = text
        let matches = unsafe (password + [0]).withUnsafeBytes { bytes in
            unsafe bytes.withMemoryRebound(to: CChar.self) { unsafe ccrypt_matches($0.baseAddress, text) == 1 }
        }
        return matches && isWhole
    }
}

/// Nil, or why there is no bcrypt. libcrypt is opened when this is first asked.
package let bcryptProblem: String? = unsafe ccrypt_open().map { unsafe String(cString: $0) }
