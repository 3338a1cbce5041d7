/// What the decoder writes; also chooses the prefix of the prompt (`[Text] [S] ` …).
public enum TargetModality: String, Decodable, Sendable, Hashable, CaseIterable {
  case text, image, audio
}
