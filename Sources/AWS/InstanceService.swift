// What an EC2 instance knows of itself: the instance metadata service, version 2. See
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
//
//     PUT /latest/api/token, X-aws-ec2-metadata-token-ttl-seconds: 21600      → a token
//     GET /latest/meta-data/…, X-aws-ec2-metadata-token: <token>

internal import Bytes
internal import HTTP
internal import Platform

/// One conversation with it.
struct InstanceService {
    /// On any instance an answer takes a millisecond; where there is none, a second is lost.
    private static let timeout: Duration = .seconds(1)
    private static let tries = 2

    private let fetcher: CredentialFetcher
    private let base: String
    private var transport: any HTTPTransport
    /// Nil with version 1.
    private var token: String?

    /// Asks for a token.
    init(_ fetcher: CredentialFetcher) throws(AWSError) {
        guard !fetcher.world.flag("AWS_EC2_METADATA_DISABLED") else {
            throw fetcher.failed("\(Self.place) is turned off by AWS_EC2_METADATA_DISABLED")
        }
        self.fetcher = fetcher
        base = try Self.address(fetcher.world)
        transport = try fetcher.connect(fetcher.localOptions(timeout: Self.timeout))
        let request = HTTPRequest(
            method: "PUT", url: "\(base)/latest/api/token",
            headers: [("X-aws-ec2-metadata-token-ttl-seconds", "21600")])
        let answer: HTTPResponse
        do throws(AWSError) {
            answer = try fetcher.ask(&transport, request, tries: Self.tries, Self.place)
        } catch {
            // Packets of version 2 go no further than one hop, unless the instance says otherwise.
            try allowVersion1(error.message + " (in a container, the instance's metadata hop limit must be 2)")
            return
        }
        switch answer.status {
        case 200 where isToken(answer.body): token = answer.body
        case 403, 404, 405:
            try allowVersion1(
                "\(Self.place) answers with HTTP \(answer.status) to version 2, and \"allow_imds_v1\" is not set")
        default: throw fetcher.failed("\(Self.place) gives no token (HTTP \(answer.status))")
        }
    }

    /// The service's are base64; a page that a proxy answers with is not.
    private func isToken(_ text: String) -> Bool {
        isKeyText(text) && text.utf8.count <= Self.tokenLimit && text.utf8.first != UInt8(ascii: "<")
    }

    /// Bytes; the service's own have 56.
    private static let tokenLimit = 1_024

    static let place = "the instance's metadata"

    /// - Throws: With these words, when it is not.
    private func allowVersion1(_ otherwise: String) throws(AWSError) {
        let isForbidden = fetcher.world.flag("AWS_EC2_METADATA_V1_DISABLED")
        guard fetcher.settings.allowsIMDSv1, !isForbidden else { throw fetcher.failed(otherwise) }
    }

    private static func address(_ world: AWSWorld) throws(AWSError) -> String {
        if let address = world.setting("AWS_EC2_METADATA_SERVICE_ENDPOINT") {
            guard endpointFault(address) == nil else {
                throw AWSError(.noCredentials, "AWS_EC2_METADATA_SERVICE_ENDPOINT is no http://… address")
            }
            return withoutSlash(address)
        }
        let mode = world.setting("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")?.lowercased()
        return mode == "ipv6" ? "http://[fd00:ec2::254]" : "http://169.254.169.254"
    }

    /// Nil when there is no such thing, or not for us (404, 403).
    mutating func get(_ path: String) throws(AWSError) -> String? {
        var request = HTTPRequest(method: "GET", url: "\(base)/latest/\(path)")
        if let token { request.headers = [("X-aws-ec2-metadata-token", token)] }
        let answer = try fetcher.ask(&transport, request, tries: Self.tries, Self.place, hiding: [token ?? ""])
        switch answer.status {
        case 200: return answer.body
        case 403, 404: return nil
        default: throw fetcher.failed("\(Self.place) answers with HTTP \(answer.status) for \(path)")
        }
    }
}

func withoutSlash(_ address: String) -> String { address.hasSuffix("/") ? String(address.dropLast()) : address }

/// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html, "RoleName".
private func isRoleName(_ name: Substring) -> Bool {
    (1...64).contains(name.utf8.count)
        && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_+=,.@-".contains($0)) }
}

extension CredentialFetcher {
    private static let path = "meta-data/iam/security-credentials/"
    /// How long credentials are used that came expired: what renews them is down, and AWS goes on taking them.
    private static let extensionSeconds: Int64 = 900

    func fetchOfInstance() throws(AWSError) -> Credentials {
        let place = InstanceService.place
        var service = try InstanceService(self)
        let names = try service.get(Self.path) ?? ""
        guard let role = names.split(whereSeparator: \.isNewline).first, isRoleName(role) else {
            throw failed("the instance has no role (instance profile)")
        }
        guard let text = try service.get(Self.path + role) else {
            throw failed("\(place) has no credentials of \(role)")
        }
        guard let json = parsedJSON(Array(text.utf8)) else { throw failed("\(place) gives no JSON for \(role)") }
        if let code = json["Code"]?.string, code != "Success" {
            throw failed("\(place) has no credentials of \(role): \(code.prefix(100))")
        }
        let given = try credentials(in: json, CredentialNames(secret: "SecretAccessKey", token: "Token"), place)
        let now = clock.unixSeconds(at: world.now())
        let isExpired = given.expiresAt.map { $0 <= now } ?? false
        return Credentials(
            accessKeyID: given.accessKeyID, secretAccessKey: given.secretAccessKey, sessionToken: given.sessionToken,
            expiresAt: isExpired ? now + Self.extensionSeconds : given.expiresAt, origin: "the instance's role \(role)")
    }
}
