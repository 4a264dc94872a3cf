// Credentials of a container: ECS, and EKS with Pod Identity. See
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html

internal import Bytes
internal import HTTP
internal import Platform

/// Where to ask, and with what.
struct ContainerEndpoint: Sendable, Equatable {
    /// ECS answers there, whatever the relative address is.
    private static let host = "http://169.254.170.2"
    /// ECS, and EKS with Pod Identity: the only hosts besides loopback that may be asked without TLS.
    private static let plainHosts = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"]

    let url: String
    /// A file that is read each time; it wins over a token in a variable.
    let tokenFile: String?
    let token: Secret?

    var host: String { RequestURL(url).host }

    /// Nil when this is no such container.
    ///
    /// - Throws: When the address that is set must not be asked: whoever answers there would be believed.
    init?(_ world: AWSWorld) throws(AWSError) {
        if let path = world.setting("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            guard path.hasPrefix("/"), isKeyText(path) else {
                throw AWSError(.noCredentials, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is no path that begins with /")
            }
            url = Self.host + path
        } else if let full = world.setting("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            guard Self.isAllowed(full) else {
                throw AWSError(
                    .noCredentials,
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https://…, nor http://… to loopback, "
                        + "169.254.170.2, 169.254.170.23 or [fd00:ec2::23]")
            }
            url = full
        } else {
            return nil
        }
        tokenFile = world.setting("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
        token = world.setting("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(Secret.init)
    }

    static func isAllowed(_ text: String) -> Bool {
        let url = RequestURL(text)
        guard isKeyText(text), !url.host.isEmpty, !url.host.utf8.contains(UInt8(ascii: "@")) else { return false }
        if url.scheme == "https" { return true }
        guard url.scheme == "http", let name = hostName(url.host) else { return false }
        return plainHosts.contains(name) || name == "localhost" || name == "[::1]" || isLoopback(name)
    }

    /// Without the port; nil when what follows the name is none.
    private static func hostName(_ authority: String) -> String? {
        let bytes = authority.utf8
        let bracket = bytes.lastIndex(of: UInt8(ascii: "]"))
        let end = bytes[(bracket ?? bytes.startIndex)...].firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
        let port = authority[end...].dropFirst()
        guard port.utf8.allSatisfy(\.isDigit), !authority[..<end].isEmpty else { return nil }
        return authority[..<end].lowercased()
    }

    /// 127.0.0.0/8 in four numbers; shorter spellings are taken for names, which somebody else may resolve.
    private static func isLoopback(_ name: String) -> Bool {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy {
                (1...3).contains($0.utf8.count) && $0.utf8.allSatisfy(\.isDigit) && Int($0) ?? 256 < 256
            }
    }
}

extension CredentialFetcher {
    /// AWS's own clients try three times, two seconds each.
    private static let containerTimeout: Duration = .seconds(2)
    private static let containerTries = 3

    func fetch(from endpoint: ContainerEndpoint) throws(AWSError) -> Credentials {
        var token = endpoint.token?.text
        if let file = endpoint.tokenFile { token = try readSecret(file, "the container's token") }
        var headers = [(name: "Accept", value: "application/json")]
        if let token {
            guard isHeaderText(token) else { throw failed("the container's token has line ends or other controls") }
            headers.append(("Authorization", token))
        }
        var transport = try connect(localOptions(timeout: Self.containerTimeout))
        let request = HTTPRequest(method: "GET", url: endpoint.url, headers: headers)
        let place = "the container's endpoint \(endpoint.host)"
        let response = try ask(&transport, request, tries: Self.containerTries, place, hiding: [token ?? ""])
        guard response.status == 200 else { throw failed("\(place) answers with HTTP \(response.status)") }
        return try credentials(
            inJSON: Array(response.body.utf8), CredentialNames(secret: "SecretAccessKey", token: "Token"), place)
    }

    private func isHeaderText(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }
}
