import Glibc
import Platform
import TestSupport
import Testing

@Suite struct WorkerTests {
    @Test func runsInOrder() {
        let worker = Worker("test", [Int]())
        for number in 0..<1_000 { worker.run { $0.append(number) } }
        #expect(worker.runAndWait { $0 } == Array(0..<1_000))
    }

    @Test func runsLater() {
        let worker = Worker("test", 0)
        let start = Instant.now
        worker.run(after: .milliseconds(30)) { $0 = Int((Instant.now - start).nanoseconds / 1_000_000) }
        #expect(eventually { worker.runAndWait { $0 } != 0 })
        #expect(worker.runAndWait { $0 } >= 30)
        // Centuries are not a trap.
        worker.run(after: .seconds(Int64.max / 2)) { $0 = -1 }
        #expect(worker.runAndWait { $0 } >= 30)
    }

    @Test func repeatsUntilCancelled() {
        let worker = Worker("test", 0)
        var watch: Watch? = worker.every(.milliseconds(2)) { $0 += 1 }
        #expect(eventually { worker.runAndWait { $0 } >= 5 })
        watch?.cancel()
        // One that had begun may still end; after it there is none.
        let count = worker.runAndWait { $0 }
        #expect(!eventually(within: .milliseconds(50)) { worker.runAndWait { $0 } > count + 1 })
        watch = nil
        #expect(watch == nil)
    }

    @Test func aWatchThatGoesWatchesNoMore() {
        let worker = Worker("test", 0)
        do {
            let watch = worker.every(.milliseconds(2)) { $0 += 1 }
            #expect(eventually { worker.runAndWait { $0 } >= 1 })
            _ = watch
        }
        let count = worker.runAndWait { $0 }
        #expect(!eventually(within: .milliseconds(50)) { worker.runAndWait { $0 } > count + 1 })
    }

    @Test func aTimerFiresOnceForEachTimeItIsSet() {
        let worker = Worker("test", 0)
        var timer: WorkerTimer? = worker.timer { $0 += 1 }
        #expect(!eventually(within: .milliseconds(20)) { worker.runAndWait { $0 } > 0 })
        for count in 1...3 {
            timer?.set(.milliseconds(2))
            #expect(eventually { worker.runAndWait { $0 } == count })
        }
        #expect(!eventually(within: .milliseconds(20)) { worker.runAndWait { $0 } > 3 })
        // What is set last counts.
        timer?.set(.seconds(600))
        timer?.set(.milliseconds(2))
        #expect(eventually { worker.runAndWait { $0 } == 4 })
        timer?.set(.milliseconds(20))
        timer = nil
        #expect(timer == nil)
        #expect(!eventually(within: .milliseconds(50)) { worker.runAndWait { $0 } > 4 })
    }

    @Test func sleepsUntilThen() {
        let until = Instant.now + .milliseconds(20)
        sleep(until: until)
        #expect(Instant.now >= until)
        sleep(until: until)
    }

    @Test func readsWhenThereIsSomething() throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        let (reading, writing) = (ends[0], ends[1])
        let worker = Worker("test", [UInt8]())
        let watch = worker.whenReadable(reading) { state in
            var byte: UInt8 = 0
            if read(reading, &byte, 1) == 1 { state.append(byte) }
        }
        #expect(worker.runAndWait { $0 }.isEmpty)
        var bytes: [UInt8] = [1, 2, 3]
        #expect(write(writing, &bytes, 3) == 3)
        // Level-triggered: one byte is taken at a time, and the rest wakes again.
        #expect(eventually { worker.runAndWait { $0 } == [1, 2, 3] })

        let isClosed = Worker("closed", false)
        watch.cancel { isClosed.run { $0 = true } }
        #expect(eventually { isClosed.runAndWait { $0 } })
        close(reading)
        close(writing)
    }

    @Test func writesWhenThereIsRoom() throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        defer { ends.forEach { close($0) } }
        let worker = Worker("test", 0)
        let watch = worker.whenWritable(ends[1]) { $0 += 1 }
        #expect(eventually { worker.runAndWait { $0 } > 0 })
        let isCancelled = Worker("cancelled", false)
        watch.cancel { isCancelled.run { $0 = true } }
        #expect(eventually { isCancelled.runAndWait { $0 } })
    }
}
