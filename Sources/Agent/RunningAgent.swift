// The running agent: starts everything from its settings, keeps the service manager informed, and stops in order.
//
// The start: settings of everything are checked, the state directory is locked, the endpoint listens, the inputs
// that others send to can be reached, the routes start.
// The stop: routes read no more and deliver what they have, as long as `drain_timeout` allows, their cursors are saved,
// and the endpoint, which says meanwhile how far that is, closes last.

internal import CLinux
internal import Delivery
internal import Metrics
package import Platform
internal import Settings
internal import Synchronization

package final class RunningAgent: Sendable {
    /// How often messages that were folded into one are counted out, at the latest.
    private static let logFlushInterval: Duration = .seconds(30)
    /// How often rejected records are looked at, which are kept for days.
    private static let rejectedInterval: Duration = .seconds(6 * 3_600)

    private struct Control {
        var watches: [Watch] = []
        /// Of the state directory, until the agent has stopped.
        var lock: StateLock?
        var watchdog: Watchdog?
        /// What was found of it last.
        var lockFinding = StateLock.Finding.held
        /// When the state directory is tried next, and how long after that; nil when it need not be.
        var nextTry: (at: Instant, pause: Duration)?
        /// Wakes for it.
        var tryWatch: Watch?
        /// What `STATUS=` said last; nil until the agent is ready.
        var toldSummary: String?
    }

    package let scraper: Scraper
    private let settings: AgentSettings
    private let warnings: [String]
    private let log: AgentLog
    private let notifier: ServiceNotifier
    private let routes = RouteList()
    private let plugins: Plugins
    private let endpoint: Endpoint?
    private let control: Worker<Control>
    private let health: AgentHealth
    /// Why there was no state directory at the start.
    private let stateHindrance: String?
    private let status: StatusSource
    private let desk: SignalDesk
    /// Routes that were told to stop and have not.
    private let unstopped = Mutex<[String]>([])

    /// Makes everything and starts nothing. Takes the lock of the state directory when there are routes, which alone
    /// need it. `startThreads`: what the caller has besides its own, and needs only until the start is over.
    package init(
        _ settings: AgentSettings, parts: Parts, notifier: ServiceNotifier, log: AgentLog, startThreads: Int = 0
    ) throws(StartError) {
        let now = Moment.now
        let hostName = systemHostName()
        let plugins = Plugins(parts, settings: settings, hostName: hostName, log: log)
        do throws(SettingsError) {
            var section = settings.collectors
            scraper = try Scraper(&section, host: settings.host, collectors: parts.collectors, log: log)
            try plugins.validate(now: now)
        } catch {
            throw .settings(error)
        }
        // Before a cursor is read, and after all that can be wrong in the settings.
        let (lock, hindrance) = try Self.takeLock(settings)
        control = Worker("agent", Control(lock: lock))
        stateHindrance = hindrance
        do throws(Errno) { desk = try SignalDesk(drainTimeout: settings.drainTimeout, log: log) } catch {
            throw .world("cannot open a descriptor: \(error)")
        }
        let warnings = settings.warnings + leftBehind(settings)
        let plan: ThreadPlan
        do throws(SettingsError) {
            plan = ThreadPlan(routes: try plugins.askedOptions().map(\.threadCount), extra: settings.extraThreads)
        } catch {
            throw .settings(error)
        }
        let health = AgentHealth()
        let problem = try arrangeThreads(plan, ofStart: startThreads, log)
        health.set("threads", problem.map { [$0] } ?? [])
        let hostFaults = hostFaults(settings)
        health.set("host", hostFaults)
        for fault in hostFaults { log.error("collectors have little to read here", ["reason": fault]) }
        do throws(SettingsError) {
            if hindrance == nil { routes.set(try plugins.makeRoutes(now: now)) }
            let status = StatusSource(
                settings: settings, hostName: hostName, startedAt: now, warnings: warnings, agent: health,
                routes: routes, scraper: scraper)
            endpoint = try Self.makeEndpoint(settings, scraper: scraper, routes: routes, status: status, log: log)
            self.status = status
        } catch {
            throw .settings(error)
        }
        self.plugins = plugins
        self.settings = settings
        self.warnings = warnings
        self.health = health
        self.notifier = notifier
        self.log = log
    }

    /// The lock of the state directory when there are routes, or why it cannot be had yet. A disk may come later.
    ///
    /// - Throws: when another agent has it, or nothing else would be left to do.
    private static func takeLock(
        _ settings: AgentSettings
    ) throws(StartError) -> (lock: StateLock?, hindrance: String?) {
        guard !settings.routes.isEmpty else { return (nil, nil) }
        do throws(StateLock.Failure) { return (try StateLock(settings.stateDirectory), nil) } catch {
            guard error.isHeld || settings.listen.isEmpty else { return (nil, error.reason) }
            throw .world("\(error.reason); another one is --state-directory DIR")
        }
    }

    private static func makeEndpoint(
        _ settings: AgentSettings, scraper: Scraper, routes: RouteList, status: StatusSource, log: AgentLog
    ) throws(SettingsError) -> Endpoint? {
        guard var section = settings.endpoint else { return nil }
        let logMetrics = LogMetricExposition()
        let endpoint = try Endpoint(
            &section, scraper: scraper,
            selfMetrics: { snapshot in
                let statuses = routes.all.map(\.status)
                SelfMetrics.add(statuses, to: &snapshot)
                SelfMetrics.add(memoryLimit: settings.memoryLimit, to: &snapshot)
                SelfMetrics.add(status.health, to: &snapshot)
                logMetrics.add(statuses, to: &snapshot)
                SelfMetrics.add(log, to: &snapshot)
            },
            status: { status.current.json() }, isReady: { status.isReady }, worst: { status.health.worst },
            hostName: status.hostName, log: log)
        return endpoint
    }

    // MARK: Start

    /// Starts everything.
    package func start() throws(StartError) {
        if let endpoint {
            let tell: @Sendable () -> Void = { [weak self] in self?.noteEndpoint() }
            do throws(EndpointError) { try endpoint.start(isAlone: settings.routes.isEmpty, onChange: tell) } catch {
                throw .world(error.description)
            }
            noteEndpoint()
        }
        for warning in warnings { log.warning(warning) }
        // Who is told that we are ready may send.
        startRoutes()
        if let stateHindrance { sayNoState(stateHindrance) }
        health.state = .running
        // Nothing was looked at yet: what routes miss is said a moment later.
        let summary = summary(health.problems.first)
        log.info("ready", ["version": vitalsVersion, "routes": "\(routes.all.count)", "status": summary])
        notifier.ready(status: summary)
        control.run { control in
            control.toldSummary = summary
            self.beginDuties(&control)
        }
    }

    private func startRoutes() {
        for route in routes.all { route.open() }
        for route in routes.all { route.start() }
    }

    private func removeOldRejects() { for route in routes.all { route.removeOldRejects() } }

    /// What is done as long as the agent runs.
    private func beginDuties(_ control: inout Control) {
        // A good part of what is resident by now was used once: by the loader, and for the settings.
        linux_release_memory()
        removeOldRejects()
        control.watches += [
            self.control.whenReadable(desk.descriptor) { control in
                for signal in self.desk.takeAll() { self.heed(signal, &control) }
            },
            self.control.every(Self.logFlushInterval) { _ in self.log.flush() },
            self.control.every(Self.rejectedInterval) { _ in self.removeOldRejects() },
            self.control.every(StateLock.interval) { control in
                self.checkLock(&control)
                self.tellHealth(&control)
            },
        ]
        if stateHindrance != nil {
            let pause = Self.firstPause
            control.nextTry = (.now + pause, pause)
            control.tryWatch = self.control.every(pause) { self.tryStateAgain(&$0) }
        }
        guard let interval = notifier.watchdogInterval else { return }
        let scraper = scraper
        var workers: [(name: String, whenIdle: Watchdog.Asking)] = [("scrape", { scraper.whenIdle($0) })]
        if let endpoint { workers.append(("http server", { endpoint.whenIdle($0) })) }
        control.watchdog = Watchdog(workers: workers, routes: routes)
        control.watches.append(self.control.every(interval) { self.feedWatchdog(&$0) })
    }

    /// `systemctl status` shows where the agent listens, and the worst that is wrong.
    private func tellHealth(_ control: inout Control) {
        // Not before it has been told that we are ready.
        guard health.state == .running, let told = control.toldSummary else { return }
        let summary = summary(status.health.worst)
        guard summary != told else { return }
        control.toldSummary = summary
        notifier.status(summary)
    }

    private func noteEndpoint() {
        guard let endpoint else { return }
        health.set("endpoint", endpoint.problems.map { "endpoint: \($0)" })
        control.run { self.tellHealth(&$0) }
    }

    // MARK: The state directory

    /// Between two tries, at first and at last.
    private static let firstPause: Duration = .seconds(1)
    private static let lastPause: Duration = .seconds(30)

    private func sayNoState(_ reason: String) {
        let text = "\(reason); nothing is shipped; trying again, at least every \(durationText(Self.lastPause))"
        health.set("state directory", [text])
        log.error(text)
    }

    /// The routes start when it is there.
    private func tryStateAgain(_ control: inout Control) {
        guard health.state == .running, let (at, pause) = control.nextTry, at <= .now else { return }
        let reason: String
        do throws(StateLock.Failure) {
            control.lock = try StateLock(settings.stateDirectory)
            do throws(SettingsError) {
                routes.set(try plugins.makeRoutes(now: .now))
                (control.nextTry, control.tryWatch) = (nil, nil)
                health.set("state directory", [])
                startRoutes()
                removeOldRejects()
                log.info(
                    "the state directory is there; shipping begins",
                    ["path": settings.stateDirectory, "routes": "\(routes.all.count)"])
                return tellHealth(&control)
            } catch { reason = error.description }
            control.lock = nil
        } catch { reason = error.reason }
        let next = min(pause * 2, Self.lastPause)
        control.nextTry = (.now + next, next)
        sayNoState(reason)
        tellHealth(&control)
    }

    /// Somebody may have removed the state directory.
    private func checkLock(_ control: inout Control) {
        guard control.nextTry == nil else { return }
        let finding = control.lock?.check() ?? .held
        let isNews = finding != control.lockFinding
        control.lockFinding = finding
        switch finding {
        case .held: health.set("state directory", [])
        case .madeAgain:
            health.set("state directory", [])
            log.warning(
                "the state directory was removed, or its lock; both are made again, and cursors are saved there as "
                    + "they change",
                ["path": settings.stateDirectory])
        case .lost(let reason):
            health.set("state directory", ["the state directory is lost: \(reason)"])
            guard isNews else { return }
            log.error(
                "the state directory is lost, and cannot be made again; what is delivered now is sent again after a "
                    + "restart; trying again every \(durationText(StateLock.interval))",
                ["reason": reason])
        }
    }

    /// With the ports that the endpoint has, which the settings may have left to the kernel.
    private func summary(_ worst: String?) -> String {
        var place = endpoint.map { $0.addresses.map(\.description).joined(separator: ", ") } ?? "no endpoint"
        if place.isEmpty { place = "listening nowhere" }
        if let worst { place += "; not ok: \(worst)" }
        let enabled = scraper.collectors.count { $0.isEnabled }
        return "\(place); \(counted(enabled, "collector")); \(counted(routes.all.count, "route"))"
    }

    private func counted(_ count: Int, _ thing: String) -> String { "\(count) \(thing)\(count == 1 ? "" : "s")" }

    /// Blocks until the agent has stopped, and heeds `signals` meanwhile, which must be waited for on the main thread.
    /// `early` came before. Returns the exit code.
    package func wait(heeding signals: Signals? = nil, early: [AgentSignal] = []) -> Int32 {
        desk.wait(heeding: signals, early: early) {
            let names = self.unstopped.withLock(\.self).sorted()
            return names.isEmpty ? ["the agent itself"] : names
        }
    }

    // MARK: Signals and watchdog

    private func heed(_ signal: AgentSignal, _ control: inout Control) {
        switch signal {
        case .hangUp: log.info("SIGHUP is ignored: settings are read at the start")
        case .stop:
            if health.state == .stopping {
                log.warning("stopped at once, by a second signal; what was not acknowledged is sent again")
                finish(1, &control)
            } else {
                stop(&control)
            }
        }
    }

    private func feedWatchdog(_ control: inout Control) {
        let late = control.watchdog?.look(at: .now) { worker in
            self.control.run { $0.watchdog?.noteAnswer(of: worker) }
        }
        guard let late, late.isEmpty else {
            log.error(
                "not answering the systemd watchdog: something hangs; systemd will start the agent again",
                ["what": (late ?? []).joined(separator: ", ")])
            return
        }
        notifier.watchdog()
    }

    // MARK: Stop

    /// As SIGTERM does.
    package func stop() { control.run { if self.health.state != .stopping { self.stop(&$0) } } }

    private func stop(_ control: inout Control) {
        health.state = .stopping
        notifier.stopping(status: "delivering what is under way")
        log.info("stopping", ["drain_timeout": durationText(settings.drainTimeout)])
        let routes = routes.all
        guard !routes.isEmpty else { return finish(0, &control) }
        let drainUntil = Instant.now + settings.drainTimeout
        unstopped.withLock { $0 = routes.map(\.name) }
        for route in routes {
            let name = route.name
            route.stop(drainUntil: drainUntil) {
                self.control.run { control in
                    let isLast = self.unstopped.withLock { names in
                        if let index = names.firstIndex(of: name) { names.remove(at: index) }
                        return names.isEmpty
                    }
                    if isLast { self.finish(0, &control) }
                }
            }
        }
    }

    private func finish(_ code: Int32, _ control: inout Control) {
        endpoint?.stop()
        for route in routes.all {
            let status = route.status
            let left = status.recordsRead - min(status.recordsRead, status.recordsAcknowledged + status.recordsRejected)
            guard left > 0 else { continue }
            log.info(
                "stopped with records that are not acknowledged; what is still there is read again at the next start",
                ["input": status.input, "output": status.output, "records": "\(left)"])
        }
        log.flush(everything: true)
        log.info("stopped")
        control.watches = []
        control.lock = nil
        desk.finish(code)
    }
}

/// As uname(2) says it, which does not fail on Linux.
package func systemHostName() -> String {
    do throws(Errno) { return try SystemName.current().nodename } catch { return "localhost" }
}
