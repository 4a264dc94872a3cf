// Outputs that set up the same thing at a receiver, a log group for one, in different ways: what it is in the end would
// depend on which of them came last, and a shorter retention deletes what the other wants to keep.

internal import Outputs
internal import Settings

extension Plugins {
    /// `outputs` stand in the order of the settings.
    func refuseUnlikeClaims(_ outputs: [any Output]) throws(SettingsError) {
        let names = zip(settings.outputs, outputs).filter { !$1.claims.isEmpty }.map(\.0.name)
        guard names.count > 1 else { return }
        var known: [OutputClaim.Key: (claim: OutputClaim, output: String)] = [:]
        for route in settings.routes where names.contains(route.to) {
            guard let plugin = settings.outputs.first(where: { $0.name == route.to }) else { continue }
            // Names may have the input's in them.
            let input = settings.inputs.first { $0.name == route.from }
            for claim in try makeOutput(plugin, for: input).output.claims {
                guard let other = known[claim.key] else {
                    known[claim.key] = (claim, plugin.name)
                    continue
                }
                guard other.claim.value != claim.value, other.output != plugin.name else { continue }
                throw plugin.section.error(
                    at: claim.setting,
                    "\(claim.subject) has \(claim.value) here and \(other.claim.value) in output \(other.output): "
                        + "one place can have one of them")
            }
        }
    }
}
