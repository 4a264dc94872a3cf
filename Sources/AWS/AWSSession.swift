// What all clients with the same settings share: credentials, region, the service's clock.
//
// Nothing here is asked for before somebody sends: the start of the agent waits for no network.

package import HTTP
package import Platform
internal import Synchronization

package final class AWSSession: Sendable {
    private static let known = Mutex<[AWSClientSettings: AWSSession]>([:])

    package let settings: AWSClientSettings
    package let clock: ServiceClock
    /// For templates.
    package let metadata: InstanceMetadata
    let world: AWSWorld
    private let provider: CredentialsProvider
    private let knownRegion = Mutex<String?>(nil)
    private let log: AgentLog

    /// The session of these settings, made when they are first asked for: the routes of an output, and outputs that
    /// differ in other things, refresh credentials once and not each for itself.
    package static func shared(for settings: AWSClientSettings, log: AgentLog) -> AWSSession {
        known.withLock { known in
            if let session = known[settings] { return session }
            let session = AWSSession(settings, log: log)
            known[settings] = session
            return session
        }
    }

    package init(_ settings: AWSClientSettings, log: AgentLog, world: AWSWorld = .live) {
        self.settings = settings
        self.world = world
        self.log = log
        clock = ServiceClock(log: log)
        metadata = InstanceMetadata(settings, log: log, world: world)
        provider = CredentialsProvider(settings, clock: clock, log: log, world: world)
    }

    /// Those to sign with now. Waits for the network when there are none yet, or none that are valid.
    package func credentials() throws(AWSError) -> Credentials { try provider.current() }

    /// The service took `credentials` for expired or unknown: they are not used again, unless they are all there is.
    /// With `onlyIfOfFile` it knows them and does not let them, so that only a file may hold better ones.
    package func refuse(_ credentials: Credentials, onlyIfOfFile: Bool = false) {
        provider.refuse(credentials, onlyIfOfFile: onlyIfOfFile)
    }

    /// From settings, variables or the profile; else of the container or the instance: for that the first caller waits
    package func region() throws(AWSError) -> String {
        if let region = knownRegion.withLock({ $0 }) { return region }
        let region = try provider.region()
        knownRegion.withLock { $0 = region }
        return region
    }

    /// What tells one account and region from others, as far as it is known without asking anybody: two outputs may say
    /// the same in different ways, one in its settings and the other by a variable or a profile.
    package var owner: [String?] {
        let fetcher = CredentialFetcher(settings: settings, clock: clock, world: world)
        var region = settings.region
        do throws(AWSError) { region = try configuredRegion(settings, world, try fetcher.profiles()) } catch {
            // What is wrong with the files is said by `check`, and by who needs them.
        }
        let key = settings.accessKeyID ?? (settings.profile == nil ? world.setting("AWS_ACCESS_KEY_ID") : nil)
        let profile = key == nil ? settings.profileName(world) : nil
        return [region, profile, key, settings.roleARN, settings.externalID, settings.endpoint]
    }

    /// Where `service` answers, without a slash at its end, and the region to sign for. May wait as `region` does.
    package func endpoint(of service: AWSService) throws(AWSError) -> (url: String, region: String) {
        let region = try region()
        return (try resolvedEndpoint(of: service, region: region, settings, world), region)
    }

    /// The proxy by now, when a file holds some of it. `isRefused`: it has let us not through.
    func renewedProxy(isRefused: Bool) -> String? {
        guard let (proxy, fault) = settings.liveProxy?.current(isForced: isRefused) else { return nil }
        if let fault {
            log.warning(
                "the password of the proxy cannot be read again: what the file held before is used",
                ["reason": fault])
        }
        return proxy
    }

    /// With the certificate authorities and the proxy of the settings; what else a client wants is its own.
    package var httpOptions: HTTPClientOptions { settings.httpOptions(world) }
}

extension AWSClientSettings {
    func profileName(_ world: AWSWorld) -> String { profile ?? world.setting("AWS_PROFILE") ?? "default" }

    func httpOptions(_ world: AWSWorld) -> HTTPClientOptions {
        var options = HTTPClientOptions()
        options.caFile = caFile ?? world.setting("AWS_CA_BUNDLE")
        options.proxy = liveProxy?.current().value ?? proxy
        options.keptHeaders = ["date", "x-amzn-errortype"] + originHeaders
        options.responseByteLimit = 64 << 10
        return options
    }
}
