/* An NVML that answers from the description of a rig, so that nvidia-ml-py runs for real.
 *
 * $GLM_DEPLOY_TEST_RIG names the description, which rigs.py writes: a `key value` pair a line,
 * first of the host, then after each line `gpu` of one GPU. The value `!15` makes the question
 * end with NVML error 15; a key that is not there ends with 3, NOT_SUPPORTED, as a real part does.
 * $GLM_DEPLOY_TEST_RIG_JOURNAL, when set, names a file that gets the name of every call.
 *
 * Signatures, structures and codes are those of the public nvml.h:
 * https://docs.nvidia.com/deploy/nvml-api/
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SUCCESS = 0,
    UNINITIALIZED = 1,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    INSUFFICIENT_SIZE = 7,
    ARGUMENT_VERSION_MISMATCH = 25,
    UNKNOWN = 999
};

enum { MAX_GPUS = 64, MAX_FACTS = 256 };

struct fact {
    char key[64];
    char value[160];
};

struct part { /* the host, or one GPU */
    unsigned int length;
    struct fact facts[MAX_FACTS];
};

struct nvmlMemory_v2 {
    unsigned int version;
    unsigned long long total, reserved, free, used;
};

struct nvmlPciInfo {
    char busIdLegacy[16];
    unsigned int domain, bus, device, pciDeviceId, pciSubSystemId;
    char busId[32];
};

static struct part host, gpus[MAX_GPUS];
static unsigned int gpu_count;
static int initialised;

/* ---- the description ---- */

static int read_rig(void)
{
    const char *path = getenv("GLM_DEPLOY_TEST_RIG");
    FILE *file = path ? fopen(path, "r") : NULL;
    struct part *part = &host;
    char line[256], key[64], value[160];

    if (!file)
        return UNKNOWN;
    host.length = gpu_count = 0;
    while (fgets(line, sizeof line, file)) {
        int words = sscanf(line, "%63s %159[^\n]", key, value);
        if (words == 1 && strcmp(key, "gpu") == 0 && gpu_count < MAX_GPUS) {
            part = &gpus[gpu_count++];
            part->length = 0;
        } else if (words == 2 && part->length < MAX_FACTS) {
            strcpy(part->facts[part->length].key, key);
            strcpy(part->facts[part->length++].value, value);
        }
    }
    fclose(file);
    return SUCCESS;
}

/* Points `value` at what the description says, or returns the error it asks for. */
static int look_up(const struct part *part, const char *key, const char **value)
{
    for (unsigned int at = 0; at < part->length; at++) {
        if (strcmp(part->facts[at].key, key) == 0) {
            *value = part->facts[at].value;
            return **value == '!' ? atoi(*value + 1) : SUCCESS;
        }
    }
    return NOT_SUPPORTED;
}

static int text(const struct part *part, const char *key, char *out, unsigned int size)
{
    const char *value;
    int code = look_up(part, key, &value);

    if (code)
        return code;
    if (strlen(value) >= size)
        return INSUFFICIENT_SIZE;
    strcpy(out, value);
    return SUCCESS;
}

static int number(const struct part *part, const char *key, unsigned long long *out)
{
    const char *value;
    int code = look_up(part, key, &value);

    if (code == SUCCESS)
        *out = strtoull(value, NULL, 0);
    return code;
}

static void journal(const char *call)
{
    const char *path = getenv("GLM_DEPLOY_TEST_RIG_JOURNAL");
    FILE *file = path ? fopen(path, "a") : NULL;

    if (file) {
        fprintf(file, "%s\n", call);
        fclose(file);
    }
}

#define ASKED                     \
    do {                          \
        journal(__func__);        \
        if (!initialised)         \
            return UNINITIALIZED; \
    } while (0)

/* ---- the library ---- */

int nvmlInitWithFlags(unsigned int flags)
{
    const char *value;
    int code = read_rig();

    (void)flags;
    journal(__func__);
    if (code == SUCCESS)
        code = look_up(&host, "init", &value);
    if (code == SUCCESS)
        initialised++;
    return code;
}

int nvmlShutdown(void)
{
    ASKED;
    initialised--;
    return SUCCESS;
}

const char *nvmlErrorString(int code)
{
    static char words[32];

    snprintf(words, sizeof words, "test rig error %d", code);
    return words;
}

/* ---- the host ---- */

int nvmlSystemGetDriverVersion(char *version, unsigned int size)
{
    ASKED;
    return text(&host, "driver", version, size);
}

int nvmlSystemGetCudaDriverVersion_v2(int *version)
{
    unsigned long long value;
    int code;

    ASKED;
    code = number(&host, "cuda", &value);
    if (code == SUCCESS)
        *version = (int)value;
    return code;
}

int nvmlDeviceGetCount_v2(unsigned int *count)
{
    const char *value;

    ASKED;
    *count = gpu_count;
    return look_up(&host, "count", &value);
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, struct part **gpu)
{
    const char *value;

    ASKED;
    if (index >= gpu_count)
        return INVALID_ARGUMENT;
    *gpu = &gpus[index];
    return look_up(*gpu, "handle", &value);
}

/* ---- one GPU ---- */

int nvmlDeviceGetName(struct part *gpu, char *name, unsigned int size)
{
    ASKED;
    return text(gpu, "name", name, size);
}

int nvmlDeviceGetUUID(struct part *gpu, char *uuid, unsigned int size)
{
    ASKED;
    return text(gpu, "uuid", uuid, size);
}

/* The description has nvidia-smi's form of an address: 00000000:C1:00.0 */
int nvmlDeviceGetPciInfo_v3(struct part *gpu, struct nvmlPciInfo *info)
{
    int code;

    ASKED;
    memset(info, 0, sizeof *info);
    code = text(gpu, "pci", info->busId, sizeof info->busId);
    if (code == SUCCESS)
        sscanf(info->busId, "%x:%x:%x", &info->domain, &info->bus, &info->device);
    return code;
}

int nvmlDeviceGetCudaComputeCapability(struct part *gpu, int *major, int *minor)
{
    const char *value;
    int code;

    ASKED;
    code = look_up(gpu, "capability", &value);
    if (code == SUCCESS)
        sscanf(value, "%d.%d", major, minor);
    return code;
}

int nvmlDeviceGetMemoryInfo_v2(struct part *gpu, struct nvmlMemory_v2 *memory)
{
    unsigned long long total, used, reserved = 0;
    int code;

    ASKED;
    if (memory->version != (sizeof *memory | 2u << 24))
        return ARGUMENT_VERSION_MISMATCH;
    code = number(gpu, "memory_total_mib", &total);
    if (code == SUCCESS)
        code = number(gpu, "memory_used_mib", &used);
    if (code)
        return code;
    number(gpu, "memory_reserved_mib", &reserved);
    memory->total = total << 20;
    memory->reserved = reserved << 20;
    memory->used = used << 20;
    memory->free = memory->total - memory->reserved - memory->used;
    return SUCCESS;
}
