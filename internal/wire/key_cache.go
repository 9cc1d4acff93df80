package wire

import "sync"

// maxCachedKeys bounds a keyCache. A key is good for one secret, day and
// region, so a server has one per device and day.
const maxCachedKeys = 4096

// A keyCache remembers signing keys, because deriving one costs more than
// checking a signature. Only keys that have verified a signature are stored, so
// that nobody fills it with made-up scopes. The zero keyCache is empty.
type keyCache struct {
	mu sync.RWMutex // guards m
	m  map[keyScope]signingKey
}

type keyScope struct{ secret, day, region string }

// lookup returns the key for a scope of this service, derived if need be.
func (k *keyCache) lookup(secret string, c Credential) (key signingKey, cached bool) {
	k.mu.RLock()
	key, cached = k.m[keyScope{secret, c.Day, c.Region}]
	k.mu.RUnlock()
	if !cached {
		key = deriveKey(secret, c)
	}
	return key, cached
}

// store keeps a key. When the cache is full any one entry makes room.
func (k *keyCache) store(secret string, c Credential, key signingKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.m == nil {
		k.m = make(map[keyScope]signingKey)
	}
	if len(k.m) >= maxCachedKeys {
		for old := range k.m {
			delete(k.m, old)
			break
		}
	}
	k.m[keyScope{secret, c.Day, c.Region}] = key
}
