/*
 * Loaded into PostgreSQL by ./dev bench --fsync-delay: each sync of a file takes so much longer, as if the disk had to turn
 * or a network lay before it. Virtual disks often tell that a sync is done when it is not.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef int sync_file(int fd);

static void delay(void)
{
    const char *text = getenv("FSYNC_DELAY_US"); /* LINT-OK: inside PostgreSQL. NOLINT */
    long us = 0;
    for (; text && *text >= '0' && *text <= '9'; text++) {
        us = us * 10 + (*text - '0');
    }
    struct timespec left = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    int kept = errno;
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
    errno = kept;
}

static int call(const char *name, int fd)
{
    sync_file *real = NULL;
    *(void **)(void *)&real = dlsym(RTLD_NEXT, name); /* the way that POSIX asks for */
    int result = real(fd);
    delay();
    return result;
}

int fsync(int fd)
{
    return call("fsync", fd);
}

int fdatasync(int fildes)
{
    return call("fdatasync", fildes);
}
