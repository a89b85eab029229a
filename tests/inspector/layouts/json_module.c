/* A Redis module with as much of RedisJSON as reading documents takes: the type ReJSON-RL, JSON.SET and JSON.GET of a
 * whole document, kept as it was written. It declares what it needs of the module API itself, so no header is needed. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct Ctx Ctx;
typedef struct Str Str;
typedef struct Key Key;
typedef struct Type Type;
typedef int (*Command)(Ctx *, Str **, int);
typedef struct {
    uint64_t version;
    void *load, *save, *rewrite, *usage, *digest;
    void (*free)(void *);
    /* The rest of version 1 is not used. */
    void *aux_load, *aux_save, *triggers, *effort, *unlink, *copy, *defrag, *usage2, *effort2, *unlink2, *copy2, *aux2;
} Methods;

static int (*GetApi)(const char *, void *);
static int (*SetModuleAttribs)(Ctx *, const char *, int, int);
static int (*CreateCommand)(Ctx *, const char *, Command, const char *, int, int, int);
static Type *(*CreateDataType)(Ctx *, const char *, int, Methods *);
static Key *(*OpenKey)(Ctx *, Str *, int);
static void (*CloseKey)(Key *);
static int (*KeyType)(Key *);
static Type *(*KeyDataType)(Key *);
static void *(*KeyValue)(Key *);
static int (*SetValue)(Key *, Type *, void *);
static const char *(*Bytes)(const Str *, size_t *);
static int (*ReplyString)(Ctx *, const char *);
static int (*ReplyNull)(Ctx *);
static int (*ReplyError)(Ctx *, const char *);
static int (*ReplyBytes)(Ctx *, const char *, size_t);
static Type *document;

static int set(Ctx *ctx, Str **argv, int argc) {
    if (argc != 4) return ReplyError(ctx, "ERR wrong number of arguments");
    size_t length;
    const char *text = Bytes(argv[3], &length);
    char *copy = malloc(length + 1);
    memcpy(copy, text, length);
    copy[length] = 0;
    Key *key = OpenKey(ctx, argv[1], 3);
    SetValue(key, document, copy);
    CloseKey(key);
    return ReplyString(ctx, "OK");
}

static int get(Ctx *ctx, Str **argv, int argc) {
    if (argc < 2) return ReplyError(ctx, "ERR wrong number of arguments");
    Key *key = OpenKey(ctx, argv[1], 1);
    if (!key || !KeyType(key)) return ReplyNull(ctx);
    if (KeyDataType(key) != document) return ReplyError(ctx, "WRONGTYPE Existing key has wrong Redis type");
    const char *text = KeyValue(key);
    int reply = ReplyBytes(ctx, text, strlen(text));
    CloseKey(key);
    return reply;
}

int RedisModule_OnLoad(Ctx *ctx, Str **argv, int argc) {
    (void)argv, (void)argc;
    GetApi = *(int (**)(const char *, void *))ctx;
    GetApi("RedisModule_SetModuleAttribs", &SetModuleAttribs);
    GetApi("RedisModule_CreateCommand", &CreateCommand);
    GetApi("RedisModule_CreateDataType", &CreateDataType);
    GetApi("RedisModule_OpenKey", &OpenKey);
    GetApi("RedisModule_CloseKey", &CloseKey);
    GetApi("RedisModule_KeyType", &KeyType);
    GetApi("RedisModule_ModuleTypeGetType", &KeyDataType);
    GetApi("RedisModule_ModuleTypeGetValue", &KeyValue);
    GetApi("RedisModule_ModuleTypeSetValue", &SetValue);
    GetApi("RedisModule_StringPtrLen", &Bytes);
    GetApi("RedisModule_ReplyWithSimpleString", &ReplyString);
    GetApi("RedisModule_ReplyWithNull", &ReplyNull);
    GetApi("RedisModule_ReplyWithError", &ReplyError);
    GetApi("RedisModule_ReplyWithStringBuffer", &ReplyBytes);
    SetModuleAttribs(ctx, "ReJSON", 1, 1);
    Methods methods = {.version = 1, .free = free};
    document = CreateDataType(ctx, "ReJSON-RL", 0, &methods);
    if (!document) return 1;
    if (CreateCommand(ctx, "json.set", set, "write", 1, 1, 1)) return 1;
    return CreateCommand(ctx, "json.get", get, "readonly", 1, 1, 1);
}
