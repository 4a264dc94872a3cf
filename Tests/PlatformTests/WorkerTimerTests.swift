// A timer begins one interval from now: what is fed, flushed or saved by it is not due at the start.

import Platform
import Synchronization
import Testing

@Suite struct WorkerTimerTests {
    @Test func theFirstTickComesAfterOneInterval() {
        let worker = Worker("timer", ())
        let ticks = Mutex<[Duration]>([])
        let latch = Latch<Bool>()
        let start = Instant.now
        let watch = worker.every(.milliseconds(200)) { _ in
            let count = ticks.withLock { ticks in
                ticks.append(Instant.now - start)
                return ticks.count
            }
            if count == 2 { latch.open(true) }
        }
        #expect(latch.wait())
        let found = ticks.withLock { $0 }
        #expect(found[0] >= .milliseconds(200), "\(found)")
        #expect(found[1] >= .milliseconds(400), "\(found)")
        watch.cancel()
    }
}
