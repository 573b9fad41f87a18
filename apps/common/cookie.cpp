#include "cookie.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

namespace broker {

namespace {

constexpr size_t fresh_cookie_letters = 20;

error file_error(const std::filesystem::path& file, std::string_view what) {
  return {0, "Cookie file " + file.string() + " " + std::string{what} + ": " + std::strerror(errno)};
}

/// Uniform over A..Z: bytes that would bias the remainder are drawn again.
result<std::string> random_letters(size_t count) {
  std::string letters(count, 'A');
  for (char& letter : letters) {
    unsigned char byte = 0;
    do
      if (RAND_bytes(&byte, 1) != 1)
        return error{0, "the operating system gives no random bytes"};
    while (byte >= 26 * 9);
    letter = static_cast<char>('A' + byte % 26);
  }
  return letters;
}

/// Writes a complete cookie under a private name and links it into place: a reader never sees half a cookie.
result<void> create_cookie(const std::filesystem::path& file) {
  auto letters = random_letters(fresh_cookie_letters);
  if (!letters)
    return letters.error();
  const auto draft = file.string() + "." + std::to_string(getpid());
  const int fd = open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);
  if (fd < 0)
    return file_error(file, "cannot be created");
  const bool written =
    write(fd, letters->data(), letters->size()) == static_cast<ssize_t>(letters->size()) && fsync(fd) == 0;
  OPENSSL_cleanse(letters->data(), letters->size());
  const bool linked = written && (link(draft.c_str(), file.c_str()) == 0 || errno == EEXIST);
  const error why = file_error(file, "cannot be created");
  close(fd);
  unlink(draft.c_str());
  if (!linked)
    return why;
  return {};
}

} // namespace

std::filesystem::path cookie_path(const std::filesystem::path& fallback) {
  const char* home = std::getenv("HOME");
  const bool usable = home != nullptr && *home == '/' && access(home, W_OK | X_OK) == 0;
  const std::filesystem::path folder = usable ? std::filesystem::path{home} : fallback;
  return folder / ".erlang.cookie";
}

result<secret_string> read_cookie(const std::filesystem::path& file) {
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return file_error(file, "cannot be read");
  struct stat info {};
  std::array<char, cookie_max_bytes + 2> text;
  const bool known = fstat(fd, &info) == 0;
  const ssize_t count = known ? read(fd, text.data(), text.size()) : -1;
  const error why = file_error(file, "cannot be read");
  close(fd);
  if (count < 0)
    return why;
  if ((info.st_mode & 077) != 0)
    return error{0, "Cookie file " + file.string() + " must be accessible by owner only"};
  std::string_view cookie{text.data(), static_cast<size_t>(count)};
  while (!cookie.empty() && (cookie.back() == '\n' || cookie.back() == '\r'))
    cookie.remove_suffix(1);
  if (cookie.empty() || cookie.size() > cookie_max_bytes)
    return error{0, "Cookie file " + file.string() + " must hold 1 to " + std::to_string(cookie_max_bytes) + " bytes"};
  secret_string secret{cookie};
  OPENSSL_cleanse(text.data(), text.size());
  return secret;
}

result<secret_string> read_or_create_cookie(const std::filesystem::path& file) {
  struct stat info {};
  if (stat(file.c_str(), &info) != 0 && errno == ENOENT)
    if (auto created = create_cookie(file); !created)
      return created.error();
  return read_cookie(file);
}

} // namespace broker
