// What is known about names and passwords without asking bcrypt again, and who may ask it how often. Pure.

internal import Bytes
internal import Platform

/// A name and a password as a browser or Prometheus sends them: RFC 7617.
struct BasicCredentials: Equatable {
    let name: String
    let password: [UInt8]

    /// Nil when `header` is missing, of another scheme, or malformed.
    init?(header: String?) {
        guard let header else { return nil }
        let scheme = header.utf8.prefix { $0 != UInt8(ascii: " ") }
        guard String(scheme)?.lowercased() == "basic" else { return nil }
        let digits = header.utf8.dropFirst(scheme.count).drop { $0 == UInt8(ascii: " ") }
        guard let bytes = decodeBase64(digits), let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        name = String(decoding: bytes[..<colon], as: UTF8.self)
        password = Array(bytes[(colon + 1)...])
    }
}

struct Logins {
    /// How long an answer is remembered after it was last used. Prometheus comes more often, so bcrypt is asked once.
    private static let rememberedTime: Duration = .seconds(600)
    /// Of each kind. There are a few scrapers; the wrong ones are those that have an old password.
    private static let rememberedCount = 64
    /// Passwords that a client may try at once, and how long it waits for each more: 30 in a minute.
    private static let triesAtOnce = 5
    private static let tryPause: Duration = .seconds(2)
    /// Clients that are kept an eye on. When there are more, nobody new may try for a while.
    private static let clientLimit = 1_024
    /// Checks that wait or run; with a cost of 12 the last one waits for two seconds.
    private static let checkLimit = 8

    enum Step: Equatable {
        case right, wrong
        /// `BcryptHash.matches` says which; then `finish` is called.
        case check(BcryptHash)
        /// The same name and password are being checked: the answer will be the same.
        case wait
        case tooMany(retryAfterSeconds: Int)
    }

    private let users: [String: BcryptHash]
    /// Checked against for names that nobody has: they take as long as others, and fail.
    private let nobodysHash: BcryptHash
    /// So that what is remembered is worth nothing to who reads it in a core dump.
    private let secret: [UInt8]
    private var right = RememberedDigests()
    private var wrong = RememberedDigests()
    private var checking: [[UInt8]: (isKnown: Bool, client: [UInt8])] = [:]
    /// When each client will have waited for all of its tries.
    private var busyUntil: [[UInt8]: Instant] = [:]

    /// At least one user.
    init(_ users: [String: BcryptHash], secret: [UInt8]) {
        guard let slowest = users.values.max(by: { $0.cost < $1.cost }) else { bug("logins without users") }
        self.users = users
        self.secret = secret
        nobodysHash = slowest
    }

    /// What is compared and remembered instead of a name and a password.
    func digest(_ credentials: BasicCredentials) -> [UInt8] {
        // No name has a colon in it.
        sha256(secret + Array(credentials.name.utf8) + [UInt8(ascii: ":")] + credentials.password)
    }

    mutating func begin(
        _ credentials: BasicCredentials, digest: [UInt8], from client: [UInt8], at now: Instant
    ) -> Step {
        if right.contains(digest, at: now, until: now + Self.rememberedTime) { return .right }
        if wrong.contains(digest, at: now, until: now + Self.rememberedTime) { return .wrong }
        if checking[digest] != nil { return .wait }
        guard checking.count < Self.checkLimit else { return .tooMany(retryAfterSeconds: 1) }
        if busyUntil[client] == nil, busyUntil.count >= Self.clientLimit {
            busyUntil = busyUntil.filter { $0.value > now }
            guard busyUntil.count < Self.clientLimit else { return .tooMany(retryAfterSeconds: 60) }
        }
        let busy = max(busyUntil[client] ?? now, now)
        let wait = (busy - now) - Self.tryPause * (Self.triesAtOnce - 1)
        guard wait <= .zero else { return .tooMany(retryAfterSeconds: Int(wait.inSeconds.rounded(.up))) }
        busyUntil[client] = busy + Self.tryPause
        let hash = users[credentials.name]
        checking[digest] = (hash != nil, client)
        return .check(hash ?? nobodysHash)
    }

    /// Returns whether the login is right.
    mutating func finish(digest: [UInt8], isMatch: Bool, at now: Instant) -> Bool {
        guard let (isKnown, client) = checking.removeValue(forKey: digest) else { return false }
        let isRight = isMatch && isKnown
        let until = now + Self.rememberedTime
        if isRight {
            right.insert(digest, at: now, until: until, limit: Self.rememberedCount)
            // A right one is no try.
            if let busy = busyUntil[client] { busyUntil[client] = busy + (.zero - Self.tryPause) }
        } else {
            wrong.insert(digest, at: now, until: until, limit: Self.rememberedCount)
        }
        return isRight
    }
}

/// A few digests, each for a while.
private struct RememberedDigests {
    private var entries: [(digest: [UInt8], until: Instant)] = []

    /// When it is there, it is kept `until` then.
    mutating func contains(_ digest: [UInt8], at now: Instant, until: Instant) -> Bool {
        guard let index = entries.firstIndex(where: { $0.until > now && isEqual($0.digest, digest) }) else {
            return false
        }
        entries[index].until = until
        return true
    }

    /// The one that was not used for longest makes room.
    mutating func insert(_ digest: [UInt8], at now: Instant, until: Instant, limit: Int) {
        entries.removeAll { $0.until <= now }
        if entries.count >= limit, let oldest = entries.indices.min(by: { entries[$0].until < entries[$1].until }) {
            entries.remove(at: oldest)
        }
        entries.append((digest, until))
    }

    /// In a time that does not depend on where they differ.
    private func isEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        one.count == other.count && zip(one, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
