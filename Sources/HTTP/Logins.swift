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
    /// Clients that are kept an eye on. When there are more, the one that has tried least is forgotten.
    private static let clientLimit = 1_024
    /// How long wrong tries of a client count when it is decided who is served first.
    private static let wrongTime: Duration = .seconds(600)
    /// Checks that wait or run; with a cost of 12 the last one waits for two seconds. One more takes the place of one
    /// whose client has tried more, or is turned away.
    private static let checkLimit = 8

    enum Step: Equatable {
        case right, wrong
        /// `next` gives it, or another that comes before it, to be checked; or the same name and password are being
        /// checked already: the answer will be the same.
        case wait
        case tooMany(retryAfterSeconds: Int)
    }

    /// What bcrypt is to be asked; then `finish` is called.
    struct Check: Equatable {
        let digest: [UInt8]
        let password: [UInt8]
        let hash: BcryptHash
        /// A wrong password is hashed with these too: so each takes as long as with the slowest hash there is, whether
        /// the user is there or not.
        let padding: [BcryptHash]
    }

    private struct Waiting {
        let check: Check
        let isKnown: Bool
        let client: [UInt8]
        /// A client whose login was right before comes first, then the one that has tried least. Of several that have
        /// not tried at all, the last: where there are many, the first have given up by the time that they would be
        /// served.
        let order: (hasBeenRight: Bool, tries: Int, number: UInt64)

        func isBefore(_ other: Waiting) -> Bool {
            if order.hasBeenRight != other.order.hasBeenRight { return order.hasBeenRight }
            if order.tries != other.order.tries { return order.tries < other.order.tries }
            return order.number > other.order.number
        }
    }

    private var users: [String: BcryptHash]
    /// Checked against for names that nobody has: they take as long as others, and fail.
    private var nobodysHash: BcryptHash
    /// So that what is remembered is worth nothing to who reads it in a core dump.
    private let secret: [UInt8]
    private var right = RememberedDigests()
    private var wrong = RememberedDigests()
    private var waiting: [Waiting] = []
    private var checking: [[UInt8]: (isKnown: Bool, client: [UInt8])] = [:]
    /// Of those that wait or are checked, the ones whose hash is that of a user as he was before.
    private var outdated: Set<[UInt8]> = []
    private var number: UInt64 = 0
    private struct Client {
        /// When it will have waited for all of its tries.
        var busyUntil: Instant
        /// Tries that were wrong, or are not decided, and when the last of them was.
        var tries = 0
        var triedAt: Instant
    }

    private var clients: [[UInt8]: Client] = [:]
    /// Clients whose login was right, the last one last: Prometheus comes from the same address.
    private var rightClients: [[UInt8]] = []
    /// Those that had to make room, to be told so.
    private(set) var turnedAway: [[UInt8]] = []

    /// At least one user.
    init(_ users: [String: BcryptHash], secret: [UInt8]) {
        self.users = users
        self.secret = secret
        nobodysHash = Self.slowest(of: users)
    }

    private static func slowest(of users: [String: BcryptHash]) -> BcryptHash {
        guard let slowest = users.values.max(by: { $0.cost < $1.cost }) else { bug("logins without users") }
        return slowest
    }

    /// Others, or the same with other passwords: what is remembered of passwords is forgotten. At least one.
    mutating func replace(_ users: [String: BcryptHash]) {
        self.users = users
        nobodysHash = Self.slowest(of: users)
        (right, wrong) = (RememberedDigests(), RememberedDigests())
        outdated.formUnion(checking.keys)
        outdated.formUnion(waiting.map(\.check.digest))
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
        if checking[digest] != nil || waiting.contains(where: { $0.check.digest == digest }) { return .wait }
        forgetClients(at: now)
        var record = clients[client] ?? Client(busyUntil: now, triedAt: now)
        if now - record.triedAt > Self.wrongTime { record.tries = 0 }
        let busy = max(record.busyUntil, now)
        let wait = (busy - now) - Self.tryPause * (Self.triesAtOnce - 1)
        guard wait <= .zero else { return .tooMany(retryAfterSeconds: Int(wait.inSeconds.rounded(.up))) }
        let hash = users[credentials.name]
        number += 1
        let new = Waiting(
            check: makeCheck(digest, credentials.password, hash), isKnown: hash != nil, client: client,
            order: (rightClients.contains(client), record.tries, number))
        if waiting.count + checking.count >= Self.checkLimit {
            guard let last = waiting.indices.max(by: { waiting[$0].isBefore(waiting[$1]) }), new.isBefore(waiting[last])
            else { return .tooMany(retryAfterSeconds: 1) }
            let digest = waiting.remove(at: last).check.digest
            outdated.remove(digest)
            turnedAway.append(digest)
        }
        clients[client] = Client(busyUntil: busy + Self.tryPause, tries: record.tries + 1, triedAt: now)
        waiting.append(new)
        return .wait
    }

    private func makeCheck(_ digest: [UInt8], _ password: [UInt8], _ hash: BcryptHash?) -> Check {
        let hash = hash ?? nobodysHash
        // Two to the power of the cost: with all between, and the lowest once more, it is as much as the highest.
        let padding = (hash.cost..<nobodysHash.cost).map { nobodysHash.with(cost: $0) }
        return Check(digest: digest, password: password, hash: hash, padding: padding)
    }

    private mutating func forgetClients(at now: Instant) {
        guard clients.count >= Self.clientLimit else { return }
        clients = clients.filter { $0.value.busyUntil > now || now - $0.value.triedAt <= Self.wrongTime }
        guard clients.count >= Self.clientLimit else { return }
        let least = clients.min { ($0.value.tries, $0.value.triedAt) < ($1.value.tries, $1.value.triedAt) }
        if let least { clients[least.key] = nil }
    }

    /// The check that comes next; nil when none waits.
    mutating func next() -> Check? {
        guard let first = waiting.indices.min(by: { waiting[$0].isBefore(waiting[$1]) }) else { return nil }
        let taken = waiting.remove(at: first)
        checking[taken.check.digest] = (taken.isKnown, taken.client)
        return taken.check
    }

    /// Digests whose checks had to make room since this was last called.
    mutating func takeTurnedAway() -> [[UInt8]] {
        defer { turnedAway = [] }
        return turnedAway
    }

    /// Returns whether the login is right.
    mutating func finish(digest: [UInt8], isMatch: Bool, at now: Instant) -> Bool {
        guard let (isKnown, client) = checking.removeValue(forKey: digest) else { return false }
        let isRight = isMatch && isKnown
        // The answer goes to whoever waited for it, and to nobody after him.
        if outdated.remove(digest) != nil { return isRight }
        let until = now + Self.rememberedTime
        if isRight {
            right.insert(digest, at: now, until: until, limit: Self.rememberedCount)
            // A right one is no try.
            if var record = clients[client] {
                record.busyUntil = record.busyUntil + (.zero - Self.tryPause)
                record.tries = max(0, record.tries - 1)
                clients[client] = record
            }
            rightClients.removeAll { $0 == client }
            rightClients.append(client)
            if rightClients.count > Self.rememberedCount { rightClients.removeFirst() }
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
