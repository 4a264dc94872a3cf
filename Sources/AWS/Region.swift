// Which region, and which address, of what is set up and of what the place says where we run.

internal import Bytes
internal import HTTP
internal import Platform

extension CredentialFetcher {
    /// From settings, variables or the profile, else of the container or the instance, which are asked.
    func region() throws(AWSError) -> String {
        if let region = try configuredRegion(settings, world, try profiles()) { return region }
        if let region = containerRegion() { return region }
        do throws(AWSError) {
            var service = try InstanceService(self)
            if let region = try service.get("meta-data/placement/region"), isRegion(region) { return region }
            throw failed("\(InstanceService.place): what answers there does not say the region")
        } catch { throw AWSError(.unusable, "the region is not known: set \"region\" (\(error))") }
    }

    /// Of the task: its name has the region in it. See
    /// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
    private func containerRegion() -> String? {
        guard let address = world.setting("ECS_CONTAINER_METADATA_URI_V4"), ContainerEndpoint.isAllowed(address) else {
            return nil
        }
        do throws(AWSError) {
            var transport = try connect(localOptions(timeout: .seconds(2)))
            let request = HTTPRequest(method: "GET", url: withoutSlash(address) + "/task")
            let answer = try ask(&transport, request, tries: 2, "the task's metadata")
            let name = parsedJSON(Array(answer.body.utf8))?["TaskARN"]?.string ?? ""
            let parts = name.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count >= 6, parts[0] == "arn", isRegion(String(parts[3])) else { return nil }
            return String(parts[3])
        } catch { return nil }
    }
}

/// Nil when nobody has said it.
///
/// - Throws: When what was said is none: it would be part of the name of a host.
func configuredRegion(
    _ settings: AWSClientSettings, _ world: AWSWorld, _ profiles: Profiles
) throws(AWSError) -> String? {
    if let region = settings.region { return region }
    let hasEndpoint =
        settings.endpoint != nil || world.setting("AWS_ENDPOINT_URL") != nil
        || world.setting("AWS_ENDPOINT_URL_\(AWSService.logs.settingName)") != nil
    let planner = CredentialPlanner(settings: settings, world: world, profiles: profiles)
    let said: [(place: String, region: String?)] = [
        ("AWS_REGION", world.setting("AWS_REGION")), ("AWS_DEFAULT_REGION", world.setting("AWS_DEFAULT_REGION")),
        ("profile \"\(planner.profileName)\"", profiles[planner.profileName]?["region"]),
    ]
    for case (let place, let region?) in said {
        if let fault = regionFault(region, hasEndpoint: hasEndpoint) {
            // Somebody may have put a secret there: only what has the form of a zone is repeated, in the advice.
            throw AWSError(.unusable, "\(place): what stands there \(fault)")
        }
        return region
    }
    return nil
}

/// The address of `service`, without a slash at its end: one that somebody has set, or the region's. See
/// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
func resolvedEndpoint(
    of service: AWSService, region: String, _ settings: AWSClientSettings, _ world: AWSWorld
) throws(AWSError) -> String {
    if service != .sts, let endpoint = settings.endpoint { return withoutSlash(endpoint) }
    let fetcher = CredentialFetcher(settings: settings, clock: ServiceClock(), world: world)
    let profiles = try fetcher.profiles()
    let name = CredentialPlanner(settings: settings, world: world, profiles: profiles).profileName
    let profile = profiles[name] ?? [:]
    let isIgnored =
        world.setting("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") ?? profile["ignore_configured_endpoint_urls"] ?? ""
    if !isTrue(isIgnored) {
        let said: [(place: String, address: String?)] = [
            (
                "AWS_ENDPOINT_URL_\(service.settingName)", world.setting("AWS_ENDPOINT_URL_\(service.settingName)")
            ),
            ("AWS_ENDPOINT_URL", world.setting("AWS_ENDPOINT_URL")),
            ("profile \"\(name)\"", profiles.endpoint(of: service.settingName.lowercased(), profile: name)),
            ("profile \"\(name)\"", profile["endpoint_url"]),
        ]
        for case (let place, let address?) in said {
            if let fault = endpointFault(address) { throw AWSError(.unusable, "\(place): \(fault)") }
            return withoutSlash(address)
        }
    }
    let usesFIPS = isTrue(world.setting("AWS_USE_FIPS_ENDPOINT") ?? profile["use_fips_endpoint"] ?? "")
    let usesDualStack = isTrue(world.setting("AWS_USE_DUALSTACK_ENDPOINT") ?? profile["use_dualstack_endpoint"] ?? "")
    return endpointURL(
        of: service, region: region, usesFIPS: settings.usesFIPS || usesFIPS,
        usesDualStack: settings.usesDualStack || usesDualStack)
}
