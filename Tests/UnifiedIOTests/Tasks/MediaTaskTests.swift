import Foundation
import Testing
import UnifiedIO

/// Pictures and sounds by the tasks, and the errors of checkpoints that cannot write them.
@Suite struct MediaTaskTests {
  private func failure(_ body: () throws -> Void) -> ModelError? {
    do {
      try body()
      return nil
    } catch {
      return error as? ModelError
    }
  }

  @Test func withoutTokenisersTheErrorSaysSo() throws {
    let copy = try ChangedCheckpoint.copy(of: Fixtures.url("tiny-a"), leavingOut: { $0.contains(".vqgan.") })
    defer { try? FileManager.default.removeItem(at: copy) }
    let runner = try TaskRunner(directory: copy)
    let picture = failure { _ = try runner.makePicture(for: TaskInput(prompt: "a block")) }
    #expect(picture?.code == .missingTensor)
    #expect(picture?.message.contains("has no weights of the image tokeniser") == true)
    let sound = failure { _ = try runner.makeSound(for: TaskInput(prompt: "rain")) }
    #expect(sound?.code == .missingTensor)
    #expect(sound?.message.contains("has no weights of the audio tokeniser") == true)
  }

  @Test func progressKnowsTheEndAndCanBeTheEnd() throws {
    let runner = try TinyTasks.runner()
    let settings = MediaSettings(onProgress: { progress in
      #expect(progress.total == 512)
      return progress.done < 3
    })
    let error = failure { _ = try runner.makeSound(for: TaskInput(prompt: "rain"), settings: settings) }
    #expect(error?.code == .cancelled)
  }

  @Test(arguments: [
    MediaSettings(guidance: -1), MediaSettings(guidance: .nan), MediaSettings(temperature: .nan),
    MediaSettings(topK: 0), MediaSettings(topP: 0),
  ])
  func settingsOutOfRangeAreErrors(settings: MediaSettings) throws {
    let runner = try TinyTasks.runner()
    #expect(
      failure { _ = try runner.makePicture(for: TaskInput(prompt: "x"), settings: settings) }?.code == .invalidInput)
  }

  @Test func thePrefixFollowsWhatIsAskedFor() throws {
    let runner = try TinyTasks.runner()
    for target in TargetModality.allCases {
      let input = try runner.modelInput(TaskInput(prompt: "rain"), target: target)
      #expect(input.text == runner.preprocessor.textInput("rain", target: target))
    }
  }

  @Test func aFilmBesideAPictureIsAnError() throws {
    let runner = try TinyTasks.runner(), image = try TinyTasks.image()
    let input = TaskInput(prompt: "x", image: image, video: try Video(frames: [image], duration: 1))
    #expect(failure { _ = try runner.encode(input) }?.code == .invalidInput)
  }

  @Test func aFilmIsPicturesAndSound() throws {
    let runner = try TinyTasks.runner(), image = try TinyTasks.image()
    let sound = try Sound(samples: [Float](repeating: 0.1, count: 16_000), sampleRate: 16_000)
    let film = try Video(frames: [image, image, image], duration: 1, sound: sound)
    let input = try runner.modelInput(TaskInput(prompt: "x", video: film))
    #expect(input.image != nil && input.imageHistory.count == 2)
    #expect(input.audio != nil && input.audioHistory.count == 2)
  }
}
