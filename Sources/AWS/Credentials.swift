// What a request is signed with. Nothing of it may ever be seen: not in a log, not in an error, not in a dump.

package struct Credentials: Sendable, Equatable {
    package let accessKeyID: String
    package let secretAccessKey: String
    /// With temporary ones.
    package let sessionToken: String?
    /// By the service's clock, seconds since 1970; nil for those that stay.
    package let expiresAt: Int64?
    /// Where they are from, in words for people: `the environment`, `profile "logs"`.
    package let origin: String

    package init(
        accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil, expiresAt: Int64? = nil,
        origin: String
    ) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.expiresAt = expiresAt
        self.origin = origin
    }
}

extension Credentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "credentials from \(origin)" }
    package var debugDescription: String { description }
    /// Else `dump`, and every value that has some of these inside, would show them.
    package var customMirror: Mirror { Mirror(self, children: ["origin": origin]) }
}

/// A text that must not be seen, in values that may be printed.
struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    let text: String

    init(_ text: String) { self.text = text }

    var description: String { "…" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: []) }
}

extension String {
    /// Without `secrets`, for texts that somebody else has written: a service may repeat what it was sent.
    func hiding(_ secrets: [String]) -> String {
        var text = Array(utf8)
        for secret in secrets where !secret.isEmpty {
            let wanted = Array(secret.utf8)
            var index = 0
            while index + wanted.count <= text.count {
                if text[index..<index + wanted.count] == wanted[...] {
                    text.replaceSubrange(index..<index + wanted.count, with: "…".utf8)
                } else {
                    index += 1
                }
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
