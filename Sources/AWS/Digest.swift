// SHA-256 and HMAC-SHA-256 (FIPS 180-4, RFC 2104) by libcrypto, which knows this processor's instructions for them: the
// body of every request is hashed. See EVP_DigestInit(3ossl), HMAC(3ossl).

internal import Bytes
internal import COpenSSL

/// Computes one digest after another, for one thread at a time.
@safe package final class Digest {
    /// Nil, or why libcrypto cannot be used, with the package to install. It is opened when this is first asked.
    package static let problem: String? = unsafe cdigest_open().map { unsafe String(cString: $0) }

    private let context: OpaquePointer

    package init() throws(AWSError) {
        if let problem = Self.problem { throw AWSError(.unusable, problem) }
        guard let context = unsafe digest_new() else { throw AWSError(.unusable, "libcrypto has no memory") }
        unsafe self.context = context
    }

    deinit { unsafe digest_free(context) }

    package func sha256(_ message: [UInt8]) -> [UInt8] {
        let context = unsafe context
        return unsafe make { digest in
            unsafe message.withUnsafeBytes { unsafe digest_sha256(context, $0.baseAddress, $0.count, digest) }
        }
    }

    package func hmac(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        unsafe make { digest in
            unsafe key.withUnsafeBytes { key in
                unsafe message.withUnsafeBytes { message in
                    unsafe digest_hmac_sha256(
                        key.baseAddress, Int32(key.count), message.baseAddress, message.count, digest)
                }
            }
        }
    }

    @unsafe private func make(_ compute: (UnsafeMutablePointer<UInt8>?) -> Int32) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(DIGEST_BYTES))
        // It worked when libcrypto was opened: what it lacks now is memory, and a lack of that ends Swift's code too.
        guard unsafe digest.withUnsafeMutableBufferPointer({ unsafe compute($0.baseAddress) }) == 1 else {
            bug("libcrypto cannot compute a digest")
        }
        return digest
    }
}

extension [UInt8] {
    /// Two lower-case digits for each byte.
    mutating func append(hexadecimal bytes: [UInt8]) {
        for byte in bytes { append(hexadecimal: byte) }
    }
}
