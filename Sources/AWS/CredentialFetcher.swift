// Gets credentials from where the plan says. It belongs to one worker, which may wait for the network.
//
// What goes wrong is said in our own words: an answer that is not as it should be may hold what must not be seen.

internal import Bytes
internal import HTTP
internal import Platform

/// Credentials, and when to look for others although they are still good.
struct FetchedCredentials: Sendable, Equatable {
    let credentials: Credentials
    /// Nil for those that cannot be others.
    let lookAgainAfter: Duration?
    /// They stand in a file of this host: to read it again costs nothing.
    var areOfFile = false
}

/// How the members are called: STS, containers and programs have a name each for the same.
struct CredentialNames {
    var key = "AccessKeyId"
    let secret: String
    let token: String
    var expiration = "Expiration"
}

struct CredentialFetcher: Sendable {
    /// A file of keys may be written again, and says nothing of it; nor does a program, which costs more to ask.
    private static let fileLookAgain: Duration = .seconds(60)
    private static let programLookAgain: Duration = .seconds(600)
    /// A token of EKS has about 1.5 KiB, a file of profiles seldom 10.
    private static let fileLimit = 1 << 20

    let settings: AWSClientSettings
    let clock: ServiceClock
    let world: AWSWorld

    /// All anew, from the files on.
    func fetch() throws(AWSError) -> FetchedCredentials {
        let plan = try CredentialPlanner(settings: settings, world: world, profiles: profiles()).plan()
        let credentials = try fetch(plan)
        if credentials.expiresAt != nil { return FetchedCredentials(credentials: credentials, lookAgainAfter: nil) }
        switch plan {
        case .keys(_, .fixed): return FetchedCredentials(credentials: credentials, lookAgainAfter: nil)
        case .keys(_, .file):
            return FetchedCredentials(
                credentials: credentials, lookAgainAfter: Self.fileLookAgain, areOfFile: true)
        case .process, .webIdentity, .container, .instance, .assumeRole:
            return FetchedCredentials(credentials: credentials, lookAgainAfter: Self.programLookAgain)
        }
    }

    private func fetch(_ plan: CredentialPlan) throws(AWSError) -> Credentials {
        switch plan {
        case .keys(let credentials, _): credentials
        case .process(let command, let profile): try run(command, profile: profile)
        case .webIdentity(let identity): try assume(identity)
        case .container(let endpoint): try fetch(from: endpoint)
        case .instance: try fetchOfInstance()
        case .assumeRole(let role, let plan): try assume(role, with: try fetch(plan))
        }
    }

    // MARK: Files

    /// Of the files that there are. One that a variable names must be there.
    func profiles() throws(AWSError) -> Profiles {
        Profiles(
            config: try profileFile("AWS_CONFIG_FILE", "config"),
            credentials: try profileFile("AWS_SHARED_CREDENTIALS_FILE", "credentials"))
    }

    func profileFile(_ variable: String, _ name: String) throws(AWSError) -> ProfileFile {
        let named = world.setting(variable)
        guard let path = named.map(expanded) ?? world.setting("HOME").map({ "\($0)/.aws/\(name)" }) else {
            return ProfileFile([])
        }
        do throws(Errno) { return ProfileFile(try world.readFile(path)) } catch {
            // Who has no home directory, or may not look into it, has no files there.
            guard named != nil else { return ProfileFile([]) }
            throw failed("\(variable) is \(path), which cannot be read: \(error)")
        }
    }

    private func expanded(_ path: String) -> String {
        guard path.hasPrefix("~/"), let home = world.setting("HOME") else { return path }
        return home + path.dropFirst()
    }

    /// Without line ends behind it.
    func readSecret(_ path: String, _ what: String) throws(AWSError) -> String {
        var bytes: [UInt8]
        do throws(Errno) { bytes = try world.readFile(path) } catch {
            throw failed("\(what): \(path): \(error)")
        }
        while let last = bytes.last, last <= 0x20 { bytes.removeLast() }
        guard !bytes.isEmpty, bytes.count <= Self.fileLimit, let text = String(validating: bytes, as: UTF8.self) else {
            throw failed("\(what): \(path) is empty, or no text")
        }
        return text
    }

    // MARK: Programs

    /// What a program that asks another service may take.
    private static let processPatience: Duration = .seconds(60)

    /// See https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
    private func run(_ command: String, profile: String) throws(AWSError) -> Credentials {
        let place = "credential_process of profile \"\(profile)\""
        guard let words = shellWords(command), !words.isEmpty else {
            throw failed("\(place): a quote in it has no end")
        }
        let output: [UInt8]
        do throws(ProgramFault) { output = try world.run(words, Self.processPatience) } catch {
            throw failed("\(place) \(error)")
        }
        guard let json = parsedJSON(output), json["Version"]?.unsigned == 1 else {
            throw failed("\(place) wrote no JSON with \"Version\": 1")
        }
        return try credentials(
            in: json, CredentialNames(secret: "SecretAccessKey", token: "SessionToken"), place, mustExpire: false)
    }

    // MARK: Answers

    func credentials(
        inJSON bytes: [UInt8], _ names: CredentialNames, _ place: String
    ) throws(AWSError) -> Credentials {
        guard let json = parsedJSON(bytes) else { throw failed("\(place) answers with something that is no JSON") }
        return try credentials(in: json, names, place)
    }

    func credentials(
        in json: JSONValue, _ names: CredentialNames, _ place: String, mustExpire: Bool = true
    ) throws(AWSError) -> Credentials {
        try credentials(place, names, mustExpire: mustExpire) { json[$0]?.string }
    }

    /// `member` gives the text of one; nil or empty when there is none.
    func credentials(
        _ place: String, _ names: CredentialNames, mustExpire: Bool = true, _ member: (String) -> String?
    ) throws(AWSError) -> Credentials {
        func text(_ name: String) throws(AWSError) -> String? {
            guard let text = member(name), !text.isEmpty else { return nil }
            guard isKeyText(text) else { throw failed("\(place): the \(name) it gives is none") }
            return text
        }
        guard let key = try text(names.key), let secret = try text(names.secret) else {
            throw failed("\(place) gives no \(names.key) or no \(names.secret)")
        }
        let expiration = try text(names.expiration)
        let expiresAt = expiration.flatMap(parseTimestamp)
        if expiration != nil || mustExpire, expiresAt == nil {
            throw failed("\(place): the \(names.expiration) it gives is no time")
        }
        return Credentials(
            accessKeyID: key, secretAccessKey: secret, sessionToken: try text(names.token), expiresAt: expiresAt,
            origin: place)
    }

    // MARK: Requests

    func failed(_ words: String) -> AWSError { AWSError(.noCredentials, words) }

    func connect(_ options: HTTPClientOptions) throws(AWSError) -> any HTTPTransport {
        do throws(TransportError) { return try world.connect(options) } catch {
            throw AWSError(.unusable, error.reason)
        }
    }

    /// For addresses of this host, which no proxy knows.
    func localOptions(timeout: Duration) -> HTTPClientOptions {
        var options = HTTPClientOptions()
        options.connectTimeout = timeout
        options.timeout = timeout
        options.proxy = ""
        options.responseByteLimit = 64 << 10
        return options
    }

    /// The first answer that is not the fault of who answers, or the last.
    func ask(
        _ transport: inout any HTTPTransport, _ request: HTTPRequest, tries: Int, _ place: String,
        hiding secrets: [String] = []
    ) throws(AWSError) -> HTTPResponse {
        for left in (0..<tries).reversed() {
            do throws(TransportError) {
                let response = try transport.send(request)
                if response.status < 500 && response.status != 429 || left == 0 { return response }
            } catch {
                if left == 0 { throw failed("\(place) does not answer: \(error.reason)").hiding(secrets) }
            }
        }
        throw failed("\(place) was not asked")
    }
}
